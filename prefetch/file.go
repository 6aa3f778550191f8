package prefetch

import (
	"container/list"
	"sync"
	"sync/atomic"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/prefetch/parquet"
	"github.com/zs3fs/zs3fs/s3backend"
)

// file is one version that is open, by any number of readers.
type file struct {
	crew    *Crew
	version *blockcache.Version
	block   int64
	*watch
	// guesser owns what is asked for ahead of all readers, so that it outlives the
	// one who asked for it.
	guesser *Reader
	sharer  *list.Element // in crew.sharers, and guarded by it
	// users are the readers that are open, and the reads and jobs under way: the
	// last one closes the version.
	users atomic.Int64
	// learning is set while somebody looks for column chunks, and from when all is known of them.
	learning atomic.Bool
}

// watch is a detector and its lock. It outlives the file for a while.
type watch struct {
	mu       sync.Mutex // guards detector; never held across I/O
	detector detector
}

// chunks returns how many column chunks are kept.
func (w *watch) chunks() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int64(len(w.detector.columns.chunks))
}

// tabular reports whether it is a Parquet file of which some columns were read, or nothing but
// the footer.
func (w *watch) tabular() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.detector.picked() || w.detector.glanced()
}

// picked reports whether some columns of it were read.
func (w *watch) picked() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.detector.picked()
}

// whole returns the window, in blocks, of who has read most of it up to its end; 0 for nobody.
func (w *watch) whole() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.detector.whole
}

// head returns how many blocks of its beginning were fetched ahead of who has not come yet.
func (w *watch) head() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.detector.head
}

// come notes that somebody has come for the beginning.
func (w *watch) come() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.detector.head = 0
}

// idle reports whether it is a Parquet file of which no columns are being read, and its schema.
func (w *watch) idle() (parquet.Schema, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &w.detector.columns
	return c.schema, c.chunks != nil && !c.begun
}

// identity is what makes a version one. Not its id: a HEAD tells it, and a listing
// does not.
type identity struct {
	key, etag string
	size      int64
}

// files are the versions that are open, and what is known of those that were until
// lately. The zero value is empty.
type files struct {
	mu     sync.Mutex // guards all below
	open   map[identity]*opened
	closed []past // the latest last
}

type opened struct {
	*file
	readers int
}

// past is what is known of a version that nobody has open.
type past struct {
	id identity
	*watch
}

// maxPast bounds what is kept of closed versions: a few kilobytes each.
const maxPast = 64

// newFile opens a version, of which known is what was seen before, or nil.
func newFile(c *Crew, obj s3backend.Object, known *watch) *file {
	v := c.cfg.Cache.Version(obj)
	f := &file{crew: c, version: v, block: v.BlockSize(), watch: known}
	if known == nil {
		f.watch = &watch{detector: detector{limits: newLimits(obj.Size, f.block, c.cfg.RequestSize, c.window(), c.cfg.Stride)}}
	}
	f.guesser = &Reader{file: f, obj: obj}
	return f
}

// window returns how far all streams may read ahead. Further than memory only where the
// disk keeps so much: it would evict what lies ahead of a reader for what lies further
// ahead of him (a cache of 128 MiB, memory for 160, 200 MiB ahead, a reader of 333 MB/s: 7784
// blocks were fetched for 4096, in 59 s for 12).
func (c *Crew) window() int64 {
	disk := c.cfg.Cache.Stats()
	if disk.Budget == 0 {
		return c.cfg.MaxWindow // none, that drives nothing out
	}
	return min(c.cfg.MaxWindow, max(disk.Budget-disk.PinnedBytes, c.cfg.Memory.Limit()))
}

func identify(o s3backend.Object) identity {
	return identity{o.Key, o.ETag, o.Size}
}

// enter returns the file of a version for one more reader.
func (fs *files) enter(c *Crew, obj s3backend.Object) *file {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	id := identify(obj)
	o := fs.open[id]
	if o == nil {
		o = &opened{file: newFile(c, obj, fs.recallLocked(id))}
		if fs.open == nil {
			fs.open = make(map[identity]*opened)
		}
		fs.open[id] = o
	} else if obj.VersionID != "" && o.version.Object().VersionID == "" {
		c.cfg.Cache.Version(obj).Close() // which has the id from now on
	}
	o.readers++
	o.users.Add(1)
	return o.file
}

// leave takes a reader off, and reports whether it was the file's last. The caller
// must then release the file.
func (fs *files) leave(f *file) (last bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	id := identify(f.version.Object())
	o := fs.open[id]
	if o.readers--; o.readers > 0 {
		return false
	}
	delete(fs.open, id)
	if l := f.detector.limits; l.blocks <= smallBlocks || l.maximum == 0 {
		return true // nothing is seen of it
	}
	fs.closed = append(fs.closed, past{id, f.watch})
	if len(fs.closed) > maxPast {
		f.crew.chunks.Add(-fs.closed[0].chunks())
		fs.closed = append(fs.closed[:0], fs.closed[1:]...)
	}
	return true
}

// recallLocked returns what is known of a version from the last time, or nil.
func (fs *files) recallLocked(id identity) *watch {
	for i, m := range fs.closed {
		if m.id == id {
			fs.closed = append(fs.closed[:i], fs.closed[i+1:]...)
			return m.watch
		}
	}
	return nil
}

// room returns how many blocks a guess could have now without waiting.
func (f *file) room() int64 { return f.crew.cfg.Memory.Room() / f.block }

// tell lets other files of the schema expect what is read of this one, if that is known. f.mu
// is held.
func (f *file) tell() {
	if f.detector.finished() {
		f.crew.tables.tells(f.detector.columns.schema, f.watch)
	}
}

// pause stops guessing until a demand has succeeded, so that a server that fails is
// not asked by everybody at once.
func (f *file) pause() {
	f.mu.Lock()
	f.detector.pause()
	f.mu.Unlock()
	f.crew.dropQueued(f.guesser)
}

// resume goes on guessing, as a demand has succeeded.
func (f *file) resume() {
	f.mu.Lock()
	f.detector.resume()
	f.mu.Unlock()
}

// drop ends guesses that nobody needs any more.
func (f *file) drop(spans []span) {
	for _, s := range spans {
		f.crew.drop(f.guesser, s)
		f.version.Forget(s.first, s.n)
	}
}

// acquire keeps the version open until release; it fails when it is closed.
func (f *file) acquire() bool {
	for {
		n := f.users.Load()
		if n == 0 {
			return false
		}
		if f.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (f *file) release() {
	if f.users.Add(-1) == 0 {
		f.version.Close()
	}
}
