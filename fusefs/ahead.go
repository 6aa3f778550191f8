package fusefs

import "github.com/zs3fs/zs3fs/prefetch"

// opened lets the files be fetched that a reader of this directory will open next,
// where it has been listed. cached says that nobody need fetch this one.
func (f *file) opened(cached bool) {
	files := f.t.cfg.Files
	if files == nil {
		return
	}
	d := f.parent
	var list prefetch.Listing
	l := f.t.cfg.Catalog.Kept(d.path)
	if l != nil {
		list = l
	}
	unfollowed := min(d.unfollowed.Load()+1, maxUnfollowed)
	if files.Opened(d.path, list, f.name, cached) {
		unfollowed /= 2
	}
	d.unfollowed.Store(unfollowed)
	switch {
	case unfollowed < unfollowedOpens:
		return
	case l == nil:
		list = nil
	case l.Len() > maxInodeFiles:
		return
	default:
		list = f.t.orders.of(d, l)
	}
	files.Opened(d.path+inodeOrderTag, list, f.name, cached)
}

// inodeOrderTag makes a second directory of one; no path ends in it.
const inodeOrderTag = "/"
