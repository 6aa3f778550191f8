package blockcache

import (
	"errors"
	"math"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// sweep goes through what lies on disk, once, behind the back of the readers: it
// adds up what is present and removes what belongs to no version. Writers wait
// for its end, so that the budget is never exceeded by what was not counted yet.
// It never fails: a directory that cannot be read counts as empty.
func (d *disk) sweep() {
	err := d.sweepAll()
	if err != nil && d.ctx.Err() == nil {
		d.log.Warn("cannot read all of the cache directory", "dir", d.home.path, "err", err)
	}
	d.c.mem.mu.Lock()
	d.allMet = err == nil
	d.c.mem.mu.Unlock()
	if d.ctx.Err() == nil {
		close(d.swept)
	}
}

// sweepers is how many directories are swept at once: enough to keep a disk with
// cold metadata busy, and few beside the readers.
const sweepers = 4

func (d *disk) sweepAll() error {
	objects, err := openDir(d.home.fd, objectsName)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return removeName(d.home.fd, objectsName)
	}
	if err != nil {
		return err
	}
	defer unix.Close(objects)
	r := newRecall(d.loadOrder())
	var workers errgroup.Group
	workers.SetLimit(sweepers)
	err = eachName(objects, func(name string) error {
		workers.Go(func() error { return d.sweepShard(r, objects, name) })
		return d.ctx.Err()
	})
	err = errors.Join(workers.Wait(), err)
	d.restoreOrder(r)
	d.fitBudget()
	return err
}

func (d *disk) sweepShard(r *recall, objects int, shard string) error {
	if len(shard) != 2 || !isHex(shard) {
		return removeName(objects, shard)
	}
	dir, err := openDir(objects, shard)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return removeName(objects, shard)
	}
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	var trouble error
	err = eachName(dir, func(name string) error {
		trouble = errors.Join(trouble, d.sweepName(r, dir, shard, name))
		return d.ctx.Err()
	})
	return errors.Join(trouble, err)
}

// sweepName looks at one name in a shard's directory.
func (d *disk) sweepName(r *recall, dir int, shard, name string) error {
	base, isMap := strings.CutSuffix(name, mapSuffix)
	base, isPin := strings.CutSuffix(base, pinSuffix)
	id, ok := parseIdentity(shard + base)
	switch {
	case !ok || isMap && isPin:
		return removeName(dir, name)
	case isPin:
		return d.sweepPin(dir, id)
	case isMap:
		return d.sweepVersion(r, dir, id)
	case !exists(dir, name+mapSuffix):
		return d.sweepVersion(r, dir, id) // data without a map
	}
	return nil
}

// sweepVersion counts a version, or removes it when it is damaged.
func (d *disk) sweepVersion(r *recall, dir int, id identity) error {
	mu := &d.c.mem.mu
	mu.Lock()
	if o := d.c.objects[id]; o != nil {
		o.users++
		mu.Unlock()
		err := d.countOpen(o)
		mu.Lock()
		if e := d.index[id]; e != nil {
			r.meet(e, lately)
		}
		o.users--
		o.forgetIfUnusedLocked()
		mu.Unlock()
		return err
	}
	busy := make(chan struct{})
	d.busy[id] = busy
	mu.Unlock()
	n, err := d.countClosed(dir, id)
	mu.Lock()
	for i, bytes := range n.segments {
		if bytes > 0 {
			d.countLocked(id, n.size, int64(i)*segmentBlocks, bytes)
		}
	}
	if e := d.index[id]; e != nil {
		r.meet(e, n.mtime)
	}
	delete(d.busy, id)
	close(busy)
	mu.Unlock()
	return err
}

// count is what there is of a version.
type count struct {
	size     int64   // of the object
	segments []int64 // present bytes
	mtime    int64   // of the data, ns
}

// countClosed adds up a version that nobody has open: all of it, or with an error
// perhaps nothing. Then attach does, when it is opened.
func (d *disk) countClosed(dir int, id identity) (c count, err error) {
	_, name := id.names()
	h, err := d.readHeader(dir, name, id)
	if errors.Is(err, errDamaged) || errors.Is(err, unix.ENOENT) {
		return c, removePair(dir, name)
	}
	if err != nil {
		return c, err
	}
	f, _, err := d.openPair(dir, h)
	if errors.Is(err, errDamaged) || errors.Is(err, unix.ENOENT) {
		return c, removePair(dir, name)
	}
	if err != nil {
		return c, err
	}
	defer f.close()
	var st unix.Stat_t
	if err := unix.Fstat(f.data, &st); err != nil {
		return c, err
	}
	c.size, c.mtime = h.size, st.Mtim.Nano()
	var sum int64
	for n := range h.pages() {
		p, err := d.readPage(f, h, n)
		if err != nil {
			return count{}, err
		}
		for i := range h.pageSegments(n) {
			bytes := p.presentBytes(h, n, i)
			c.segments = append(c.segments, bytes)
			sum += bytes
		}
		if d.ctx.Err() != nil {
			return count{}, d.ctx.Err()
		}
	}
	if sum == 0 {
		return count{}, removePair(dir, name)
	}
	if st.Blocks*512 <= sum+strayTolerance || !f.writable {
		return c, nil
	}
	return c, d.freeStrays(f, h)
}

// readHeader reads who a map says it is, to compare it with its name.
func (d *disk) readHeader(dir int, name string, id identity) (header, error) {
	fd, _, _, err := openFile(dir, name+mapSuffix)
	if err != nil {
		return header{}, err
	}
	defer unix.Close(fd)
	raw := make([]byte, headerSize)
	if err := d.sys.readFull(fd, raw, 0); isTruncated(err) {
		return header{}, errDamaged
	} else if err != nil {
		return header{}, err
	}
	h, err := decodeHeader(raw)
	if err == nil && (h.id != id || h.blockSize != d.c.blockSize) {
		err = errDamaged
	}
	return h, err
}

// strayTolerance is what a file may take beyond its present bytes before it is
// searched for blocks that a crash left without a map entry: file systems round
// up, and keep indirect blocks.
const strayTolerance = 64 << 10

// freeStrays frees the space of blocks that were written when the process died,
// before their map entries were, or that were about to be freed.
func (d *disk) freeStrays(f files, h header) error {
	var from, to int64 // the run of absent bytes before the block looked at
	for n := range h.pages() {
		p, err := d.readPage(f, h, n)
		if err != nil {
			return err
		}
		for i := n * pageEntries; i < min((n+1)*pageEntries, h.count()); i++ {
			if p.entries[i%pageEntries] == 0 {
				to = i*h.blockSize + h.blockLen(i)
				continue
			}
			if from < to {
				if err := d.sys.punch(f.data, from, to-from); err != nil {
					return err
				}
			}
			from = (i + 1) * h.blockSize
		}
	}
	if from < to {
		return d.sys.punch(f.data, from, to-from)
	}
	return nil
}

// countOpen adds up a version that was opened before the sweep came to it, page
// by page: what is dropped meanwhile is taken off again only below the mark.
func (d *disk) countOpen(o *object) error {
	select {
	case o.store.control <- struct{}{}:
	case <-d.ctx.Done():
		return d.ctx.Err()
	}
	defer func() { <-o.store.control }()
	mu, s := &d.c.mem.mu, &o.store
	mu.Lock()
	state := s.state
	mu.Unlock()
	if state == storeClosed {
		if err := d.attach(o); err != nil {
			return err
		}
	}
	return d.countPages(o)
}

// countPages is countOpen for who has the control, and opened the files. A version that
// cannot be counted is made anew.
func (d *disk) countPages(o *object) error {
	mu, s, h := &d.c.mem.mu, &o.store, o.header()
	for n := range h.pages() {
		mu.Lock()
		f, open, done := s.files, s.state == storeOpen, s.counted > n
		mu.Unlock()
		if !open || done {
			break
		}
		// Nobody else can load a page now: the caller has the control.
		fresh, err := d.readPage(f, h, n)
		if err != nil {
			mu.Lock()
			d.condemnLaterLocked(o, f)
			mu.Unlock()
			return err
		}
		mu.Lock()
		if p := s.pages[n]; p != nil {
			fresh = p
		}
		for i := range h.pageSegments(n) {
			if bytes := fresh.presentBytes(h, n, i); bytes > 0 {
				d.countLocked(o.id, o.size, n*pageEntries+i*segmentBlocks, bytes)
			}
		}
		for i := range s.punching { // takes its space until wipe takes it off
			if i/pageEntries == n {
				d.countLocked(o.id, o.size, i, h.blockLen(i))
			}
		}
		s.counted = n + 1
		mu.Unlock()
	}
	mu.Lock()
	s.counted = math.MaxInt64
	mu.Unlock()
	return nil
}

// readPage reads a page of a map; what a cut-off file lacks is absent.
func (d *disk) readPage(f files, h header, n int64) (*page, error) {
	off, size := h.pageSpan(n)
	raw := make([]byte, size)
	err := d.sys.readFull(f.entries, raw, off)
	if isTruncated(err) {
		clear(raw)
		err = nil
	}
	return decodePage(raw), err
}

// fitBudget evicts what is too much, as after the budget was lowered, and reports
// whether all fits.
func (d *disk) fitBudget() bool {
	for {
		d.c.mem.mu.Lock()
		over := d.present - d.order.budget
		d.c.mem.mu.Unlock()
		if over <= 0 {
			return true
		}
		if freed, _ := d.evict(over, unit{}); !freed {
			return false
		}
	}
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }
