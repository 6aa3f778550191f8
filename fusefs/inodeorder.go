package fusefs

import (
	"cmp"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

// inodeOrder is a listing in the order of the inode numbers. cp -r reads a
// directory in it, and whatever else takes gnulib's savedir or fts: on a disk that
// is the order of the inode table. Ours are hashes, so that it has nothing to do
// with the names.
type inodeOrder struct {
	list   *catalog.Listing
	inodes []uint64 // rising
	places []int32  // in the listing, of these
	dir    *dir
}

var _ prefetch.Listing = (*inodeOrder)(nil)

func newInodeOrder(d *dir, list *catalog.Listing) *inodeOrder {
	type entry struct {
		inode uint64
		place int32
	}
	entries := make([]entry, list.Len())
	for i, n := range list.From(0) {
		entries[i] = entry{d.t.ino(d.join(n.Name)), int32(i)}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.inode, b.inode) })
	o := &inodeOrder{list: list, dir: d, inodes: make([]uint64, len(entries)), places: make([]int32, len(entries))}
	for i, e := range entries {
		o.inodes[i], o.places[i] = e.inode, e.place
	}
	return o
}

// Len implements prefetch.Listing.
func (o *inodeOrder) Len() int { return len(o.places) }

// Place implements prefetch.Listing.
func (o *inodeOrder) Place(name string) (int, bool) {
	return slices.BinarySearch(o.inodes, o.dir.t.ino(o.dir.join(name)))
}

// File implements prefetch.Listing.
func (o *inodeOrder) File(place int) (s3backend.Object, bool) {
	return o.list.File(int(o.places[place]))
}

// following implements prefetch.Following for tagged paths of files in this directory.
func (o *inodeOrder) following(after string, n int, wanted func(s3backend.Object) bool) (found []prefetch.NextFile) {
	place, ok := o.Place(path.Base(after))
	if ok {
		place++
	}
	for _, p := range o.places[place:min(place+maxLooks, len(o.places))] {
		if len(found) == n {
			break
		}
		next := o.list.At(int(p))
		if !next.Dir && !hidden(next.Name) && !next.Object.Archived() && inSequence(next.Object.Size, o.list) && wanted(next.Object) {
			found = append(found, prefetch.NextFile{Path: inodeOrderTag + o.dir.join(next.Name), Object: next.Object})
		}
	}
	return found
}

// Sum implements prefetch.Listing.
func (o *inodeOrder) Sum() uint64 { return o.list.Sum() }

// Asked implements prefetch.Listing.
func (o *inodeOrder) Asked() time.Time { return o.list.Asked() }

// inodeOrders keeps the last few: to make one takes 15 ms for the most files.
type inodeOrders struct {
	mu   sync.Mutex // guards last
	last []*inodeOrder
}

const (
	maxInodeOrders = 4
	maxInodeFiles  = 20000
	// So many opens in a directory that do not follow its listing's order make
	// another order worth a look, until there are more that do.
	unfollowedOpens, maxUnfollowed = 3, 16
)

// of returns the order of a listing of d.
func (s *inodeOrders) of(d *dir, list *catalog.Listing) *inodeOrder {
	s.mu.Lock()
	i := slices.IndexFunc(s.last, func(o *inodeOrder) bool { return o.list == list })
	if i >= 0 {
		o := s.last[i]
		s.last = append(slices.Delete(s.last, i, i+1), o)
		s.mu.Unlock()
		return o
	}
	s.mu.Unlock()
	o := newInodeOrder(d, list)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.last) == maxInodeOrders {
		s.last = slices.Delete(s.last, 0, 1)
	}
	s.last = append(s.last, o)
	return o
}
