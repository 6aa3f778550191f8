package fusefs

import (
	"time"

	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

// opened lets the files be fetched that a reader of this directory, or of those beside
// it, will open next, where they have been listed. cached says that nobody need fetch this one.
func (f *file) opened(r *prefetch.Reader, cached bool) {
	files := f.parent.t.cfg.Files
	if files == nil {
		return
	}
	d := f.parent
	var list prefetch.Listing
	l, complete := d.t.cfg.Catalog.Kept(d.path)
	if l != nil {
		list = l
	}
	large := l != nil && inSequence(f.size, l)
	followed := large && files.OpenedLarge(r, f.path(), cached, d.t.following)
	if files.Opened(d.path, list, f.name, cached) {
		followed = true
		d.renew()
	}
	unfollowed := min(d.unfollowed.Load()+1, maxUnfollowed)
	if followed {
		unfollowed /= 2
	}
	d.unfollowed.Store(unfollowed)
	if unfollowed < unfollowedOpens || l != nil && (!complete || l.Len() > maxInodeFiles) {
		return
	}
	if l != nil {
		o := d.t.orders.of(d, l)
		list = o
		if large {
			files.OpenedLarge(r, inodeOrderTag+f.path(), cached, o.following)
		}
	}
	if files.Opened(d.path+inodeOrderTag, list, f.name, cached) {
		d.renew()
	}
}

// inSequence reports whether a file of a directory is one of those that are followed over the
// ends of directories; others are by a walk of their own.
func inSequence(size int64, l *catalog.Listing) bool {
	return size > prefetch.SmallFile || l.Len() <= partitionFiles
}

// partitionFiles is how many entries a directory of small files may have whose next one
// comes soon.
const partitionFiles = 16

// renewEvery is how often a directory is listed at most, whatever becomes of the
// listings: it cannot be listed, or they are too large to be kept.
const renewEvery = 5 * time.Second

// renew has a directory listed again in which somebody is under way, before the
// names expire: he would have to ask for each.
func (d *dir) renew() {
	now := time.Now()
	last := d.renewed.Load()
	if last != nil && now.Sub(*last) < renewEvery {
		return
	}
	if d.t.cfg.Catalog.Renew(d.path) {
		d.renewed.Store(&now)
	}
}

// inodeOrderTag makes a second directory of one, and a second path of one; none ends or begins
// with it.
const inodeOrderTag = "/"
