package prefetch

import (
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/prefetch/parquet"
)

// FuzzDetector lets a handle be read anywhere, at any time, with and without
// memory, and checks what may be fetched: nothing past the end, nothing longer
// than a request, nothing twice and nothing out of order by one stream.
func FuzzDetector(f *testing.F) {
	f.Add(int64(1<<20), []byte{0, 0, 0, 255, 0, 0, 0, 255, 1, 0, 0, 255, 7, 0, 0, 255})
	f.Add(int64(100500), []byte{2, 50, 9, 200, 3, 0, 0, 9, 4, 0, 0, 99, 5, 0, 0, 1, 6, 0, 0, 3})
	f.Add(int64(1<<19), []byte{0, 0, 0, 90, 2, 50, 1, 99, 3, 0, 0, 99, 3, 0, 0, 99, 3, 0, 0, 99})
	f.Fuzz(func(t *testing.T, size int64, script []byte) {
		if size < 1 || size > 1<<21 {
			return
		}
		d := detector{limits: newLimits(size, 1024, 8*1024, 64*1024, 512)}
		now := time.Unix(0, 0)
		off, end := int64(0), int64(0)
		handles := make([]*handle, 4)
		for ; len(script) >= 4; script = script[4:] {
			length := 1 + int64(script[3])*(1+int64(script[2]))%(40*1024)
			switch script[0] % 8 {
			case 0, 1, 2: // anywhere
				off = (int64(script[1])<<8 | int64(script[2])) * size >> 16
			case 3, 4: // forwards
				off = end
			case 5: // backwards
				off = max(off-length, 0)
			case 6:
				d.stalled(plan{stream: d.lastID, foreseen: true})
				off = end + 7*length
			case 7:
				now = now.Add(time.Duration(script[1]) * 20 * time.Millisecond)
				switch {
				case script[2] > 200:
					d.pause()
				case script[2] > 150:
					d.resume()
				case script[2] > 100 && d.columns.chunks == nil:
					d.columns.learn(d.limits, parquet.Footer{Chunks: someChunks(size, int(script[1])%7+1, int64(script[3])*16+1)})
				}
			}
			if off >= size {
				off = 0
			}
			end = min(off+length, size)
			h := &handles[script[0]>>6]
			if *h == nil || script[0]&0x38 == 0x38 {
				checkClose(t, &d, *h)
				*h = &handle{pages: true}
			}
			checkRead(t, &d, now, *h, off, end-off, int64(script[1]))
		}
		for _, h := range handles {
			checkClose(t, &d, h)
		}
		for _, s := range d.streams {
			if s.asked(d.limits).n > 0 || len(s.users) > 0 {
				t.Fatalf("when all are closed there is %+v", s)
			}
		}
	})
}

// checkClose sees to it that nothing is dropped that another handle's stream needs.
func checkClose(t *testing.T, d *detector, h *handle) {
	t.Helper()
	if h == nil {
		return
	}
	for _, s := range d.close(h) {
		checkSpan(t, d.limits, s)
		for _, other := range d.streams {
			if other.asked(d.limits).overlaps(s) && other.asked(d.limits).n > 0 {
				t.Fatalf("%v is dropped, which stream %+v needs", s, other)
			}
		}
	}
}

func checkRead(t *testing.T, d *detector, now time.Time, h *handle, off, n, room int64) {
	t.Helper()
	l := d.limits
	before := map[uint64]stream{}
	for _, s := range d.streams {
		before[s.id] = s
	}
	if off%3 == 0 {
		h.overlaps++ // so that not all handles take turns
	}
	p := d.read(now, h, off, n, func() int64 { return room })
	read := l.cover(off, off+n)
	checkSpan(t, l, p.want)
	if p.want.first > read.first || p.want.end() < read.end() {
		t.Fatalf("read of blocks %v: only %v are fetched", read, p.want)
	}
	if p.want.n > read.n+l.request {
		t.Fatalf("read of blocks %v: %v are fetched", read, p.want)
	}
	for i, a := range p.ahead {
		checkSpan(t, l, a)
		if a.n > l.request {
			t.Fatalf("guess %v is longer than a request", a)
		}
		for _, b := range p.ahead[:i] {
			if a.overlaps(b) {
				t.Fatalf("guesses %v ask twice", p.ahead)
			}
		}
		if i > 0 && p.stream != 0 && d.columns.chunks == nil && a.first != p.ahead[i-1].end() && a.end() != p.ahead[i-1].first {
			t.Fatalf("guesses %v are out of order", p.ahead)
		}
	}
	for _, s := range p.drop {
		checkSpan(t, l, s)
	}
	if s, ok := before[p.stream]; ok && s.active && len(p.ahead) > 0 && d.columns.chunks == nil {
		if first := p.ahead[0]; s.downwards && first.end() > s.edge || !s.downwards && first.first < s.edge {
			t.Fatalf("guess %v of a stream that had come to %d", first, s.edge)
		}
	}
	if len(d.streams) > maxShared {
		t.Fatalf("%d streams", len(d.streams))
	}
	for _, s := range d.streams {
		if s.start < 0 || s.next > l.size || s.start > s.next || s.window > l.maximum {
			t.Fatalf("stream %+v", s)
		}
		b, ok := before[s.id]
		// A stream whose reader has left starts anew from where he was.
		anew := s.edge == s.position(l) && s.size == 1 && s.window == l.start
		if ok && b.active && s.active && !anew && (s.edge-b.edge)*s.sign() < 0 {
			t.Fatalf("edge went from %d back to %d", b.edge, s.edge)
		}
	}
}

func checkSpan(t *testing.T, l limits, s span) {
	t.Helper()
	if s.n <= 0 || s.first < 0 || s.end() > l.blocks {
		t.Fatalf("span %v of %d blocks", s, l.blocks)
	}
}

// someChunks returns column chunks of up to length bytes each, all over an object.
func someChunks(size int64, columns int, length int64) (all []parquet.Chunk) {
	off := int64(4)
	for i := 0; off < size; i++ {
		end := min(off+1+length*int64(i%5+1)/5, size)
		all = append(all, parquet.Chunk{Off: off, End: end, Group: int32(i / columns), Column: int32(i % columns)})
		off = end + int64(i%3)*17 // now and then something lies between
	}
	return all
}
