package fusefs

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

// Which opens go without a question: the second try of an open(2), of what its own
// lookup has found, and no other one.
func TestReopens(t *testing.T) {
	found := catalog.Node{Name: "f", Object: s3backend.Object{Key: "d/f", ETag: "2"}}
	other := catalog.Node{Name: "f", Object: s3backend.Object{Key: "d/f", ETag: "3"}}
	thread := func(pid uint32) context.Context {
		return &fuse.Context{Caller: fuse.Caller{Pid: pid}}
	}
	me := thread(7)
	for _, c := range []struct {
		is   string
		does func(r *reopens)
		want bool
	}{
		{"no first try", func(r *reopens) { r.looked(me, "d/f", found, nil) }, false},
		{"no lookup", func(r *reopens) { r.failed(me, "d/f") }, false},
		{"second try", func(r *reopens) {
			r.failed(me, "d/f")
			r.looked(me, "d", catalog.Node{Name: "d", Dir: true}, nil)
			r.looked(me, "d/f", found, nil)
		}, true},
		{"second try after two lookups", func(r *reopens) {
			r.failed(me, "d/f")
			r.looked(me, "d/f", other, nil)
			r.looked(me, "d/f", found, nil)
		}, true},
		{"lookup interrupted", func(r *reopens) {
			r.failed(me, "d/f")
			r.looked(me, "d/f", catalog.Node{}, context.Canceled)
			r.looked(me, "d/f", found, nil)
		}, true},
		{"second try interrupted", func(r *reopens) {
			r.failed(me, "d/f")
			r.looked(me, "d/f", found, nil)
			r.second(me, "d/f", generationOf(found.Object))
		}, true},
		{"another version than was looked up", func(r *reopens) {
			r.failed(me, "d/f")
			r.looked(me, "d/f", other, nil)
		}, false},
		{"another path", func(r *reopens) {
			r.failed(me, "d/g")
			r.looked(me, "d/f", found, nil)
		}, false},
		{"another thread", func(r *reopens) {
			r.failed(thread(8), "d/f")
			r.looked(thread(8), "d/f", found, nil)
		}, false},
		{"a thread of elsewhere", func(r *reopens) {
			r.failed(thread(0), "d/f")
			r.looked(thread(0), "d/f", found, nil)
		}, false},
		{"open(2) answered", func(r *reopens) {
			r.failed(me, "d/f")
			r.looked(me, "d/f", found, nil)
			r.end(me)
			r.looked(me, "d/f", found, nil)
		}, false},
		{"open(2) failed by its second ESTALE", func(r *reopens) {
			r.failed(me, "d/f")
			r.looked(me, "d/f", other, nil)
			r.failed(me, "d/f")
			r.looked(me, "d/f", found, nil)
		}, false},
		{"open(2) failed by its second lookup", func(r *reopens) {
			r.failed(me, "d/f")
			r.looked(me, "d", catalog.Node{}, errors.Join(fs.ErrNotExist))
			r.looked(me, "d/f", found, nil)
		}, false},
		{"became a directory", func(r *reopens) {
			r.failed(me, "d/f")
			r.looked(me, "d/f", catalog.Node{Name: "f", Dir: true}, nil)
			r.looked(me, "d/f", found, nil)
		}, false},
		{"a file on the way", func(r *reopens) {
			r.failed(me, "d/f")
			r.looked(me, "d", catalog.Node{Name: "d"}, nil) // ENOTDIR
			r.looked(me, "d/f", found, nil)
		}, false},
		{"a directory elsewhere on the way", func(r *reopens) { // e/../d/f
			r.failed(me, "d/f")
			r.looked(me, "e", catalog.Node{Name: "e", Dir: true}, nil)
			r.looked(me, "d/f", found, nil)
		}, true},
		{"after a thread of that number was killed", func(r *reopens) {
			r.failed(me, "d/f")
			time.Sleep(reopenTTL)
			r.failed(me, "d/f")
			r.looked(me, "d/f", found, nil)
		}, true},
		{"too long ago", func(r *reopens) {
			r.failed(me, "d/f")
			r.looked(me, "d/f", found, nil)
			time.Sleep(reopenTTL)
		}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var r reopens
			c.does(&r)
			if got := r.second(me, "d/f", generationOf(found.Object)); got != c.want {
				t.Errorf("%s: %v, want %v", c.is, got, c.want)
			}
		})
	}
}

// interrupted answers nothing but EINTR.
type interrupted struct{ fuse.RawFileSystem }

func (interrupted) Lookup(<-chan struct{}, *fuse.InHeader, string, *fuse.EntryOut) fuse.Status {
	return fuse.EINTR
}

func (interrupted) Open(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status { return fuse.EINTR }

// An open(2) that ends in EINTR has no second try any more: the program's next one is
// another one.
func TestReopensInterrupted(t *testing.T) {
	const thread = 1 << 30 // there is none of that number
	caller := fuse.InHeader{Caller: fuse.Caller{Pid: thread}}
	found := catalog.Node{Name: "f", Object: s3backend.Object{Key: "f", ETag: "2"}}
	for is, ends := range map[string]func(s server) fuse.Status{
		"lookup": func(s server) fuse.Status { return s.Lookup(nil, &caller, "f", &fuse.EntryOut{}) },
		"open":   func(s server) fuse.Status { return s.Open(nil, &fuse.OpenIn{InHeader: caller}, &fuse.OpenOut{}) },
	} {
		var r reopens
		me := &fuse.Context{Caller: caller.Caller}
		r.failed(me, "f")
		if st := ends(server{interrupted{}, &r}); st != fuse.EINTR {
			t.Errorf("%s: %v", is, st)
		}
		r.looked(me, "f", found, nil)
		if r.second(me, "f", generationOf(found.Object)) {
			t.Errorf("%s: the next open(2) is taken for the second try", is)
		}
	}
}

// Threads that were killed between their two tries are not remembered for ever.
func TestReopensBounded(t *testing.T) {
	var r reopens
	for pid := range uint32(3 * maxReopens) {
		r.failed(&fuse.Context{Caller: fuse.Caller{Pid: pid + 1}}, "f")
		if n := len(r.threads); n > maxReopens {
			t.Fatalf("%d threads remembered, want %d at most", n, maxReopens)
		}
	}
}
