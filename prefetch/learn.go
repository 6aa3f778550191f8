package prefetch

import (
	"context"

	"github.com/zs3fs/zs3fs/prefetch/parquet"
)

// maxKept bounds the column chunks that are kept of all files: 12 MiB.
const maxKept = 1 << 19

// learn looks where the column chunks lie, should f be a Parquet file, in what has been
// read of its end: nothing is fetched for it. It does not wait for that, and does
// nothing where it has been done.
func (f *file) learn() {
	size := f.version.Object().Size
	if f.learning.Load() || size < parquet.TrailerSize || !f.cached(size-parquet.TrailerSize, parquet.TrailerSize) {
		return
	}
	if f.learning.Swap(true) {
		return
	}
	if !f.acquire() {
		return
	}
	started := f.crew.start(func() {
		defer f.release()
		f.learning.Store(f.readFooter(f.crew.ctx, f.cached))
	})
	if !started {
		f.release()
	}
}

// preview fetches the end of a file that nobody has read yet, and learns where its column
// chunks lie; it reports whether that is known then.
func (r *Reader) preview() bool {
	ctx, c, l := r.crew.ctx, r.crew, r.detector.limits
	have := func(off, n int64) bool {
		for _, j := range c.guess(r, 0, l.cover(off, off+n).pieces(l.request)) {
			select {
			case <-j.ended:
			case <-ctx.Done():
				return false
			}
		}
		return r.cached(off, n)
	}
	if tail := l.cover(l.size-tailBlocks*l.block, l.size); !have(tail.first*l.block, l.size-tail.first*l.block) {
		return false
	}
	if !r.learning.Swap(true) {
		r.learning.Store(r.readFooter(ctx, have))
	}
	c.tables.hope(r.watch)
	return r.chunks() > 0
}

// cached reports whether bytes can be had without asking S3, or are on their way.
func (f *file) cached(off, n int64) bool {
	s := f.detector.limits.cover(off, off+n)
	_, missing := f.version.Missing(s.first, s.n)
	return missing == 0
}

// readFooter tells the detector of the column chunks, and reports whether there will be no
// more to tell: what is not there yet may come. have reports whether bytes can be had from the
// cache; it may see to that.
func (f *file) readFooter(ctx context.Context, have func(off, n int64) bool) (done bool) {
	obj := f.version.Object()
	end := obj.Size - parquet.TrailerSize
	trailer := make([]byte, parquet.TrailerSize)
	if !have(end, parquet.TrailerSize) || !f.readCached(ctx, trailer, end) {
		return false
	}
	n, ok := parquet.FooterSize(trailer, obj.Size)
	if !ok {
		return true
	}
	if !have(end-n, n) {
		return false
	}
	select {
	case f.crew.footers <- struct{}{}:
		defer func() { <-f.crew.footers }()
	case <-ctx.Done():
		return false
	}
	bytes := make([]byte, n)
	if !f.readCached(ctx, bytes, end-n) {
		return false
	}
	footer, err := f.decode(bytes)
	if err != nil {
		f.crew.cfg.Logger.Debug("no column chunks known", "key", obj.Key, "err", err)
		return true
	}
	expected, hopeful := f.crew.tables.expect(footer.Schema)
	f.mu.Lock()
	defer f.mu.Unlock()
	d := &f.detector
	if d.handles == 0 || d.columns.chunks != nil {
		return false // closed, and perhaps forgotten meanwhile; or another was sooner
	}
	kept := int64(len(footer.Chunks))
	if f.crew.chunks.Add(kept) > maxKept {
		f.crew.chunks.Add(-kept)
		return true
	}
	d.columns.learn(d.limits, footer)
	if hopeful {
		d.columns.hope(expected)
	}
	return true
}

// decode decodes a footer, which is foreign input.
func (f *file) decode(footer []byte) (decoded parquet.Footer, err error) {
	obj := f.version.Object()
	defer func() {
		if p := recover(); p != nil {
			err = f.crew.panicked("decoding a footer", obj.Key, p)
		}
	}()
	return parquet.Decode(footer, obj.Size, maxChunks)
}

// readCached fills dst with the bytes from off on, unless some have gone from the cache.
func (f *file) readCached(ctx context.Context, dst []byte, off int64) bool {
	for len(dst) > 0 {
		c, err := f.version.Read(ctx, dst, off, len(dst))
		if err != nil {
			return false
		}
		n := len(c.Data)
		place(dst, c.Data)
		c.Release()
		dst, off = dst[n:], off+int64(n)
	}
	return true
}
