package fusefs

import (
	"context"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// walk reads so many directories of 100 files, of which somebody wants the attributes
// or not, and returns how many files came with them, and were looked up by themselves.
func walkWanting(w *wants, dirs int, wanted bool) (given, missed int) {
	for range dirs {
		if w.plain() {
			w.ended(0)
			if wanted {
				missed += 100
				w.missed()
			}
			continue
		}
		given += 100
		w.ended(100)
	}
	return given, missed
}

func TestWants(t *testing.T) {
	var w wants
	if given, missed := walkWanting(&w, 10_000, true); missed > 10_000*100/100 || given+missed != 1_000_000 {
		t.Errorf("find -size: %d given, %d looked up", given, missed)
	}
	w = wants{}
	if given, _ := walkWanting(&w, 10_000, false); given > probeAfter+10*100 {
		t.Errorf("find -name: %d given", given)
	}
	if given, missed := walkWanting(&w, 100, true); missed != 100 || given != 9900 {
		t.Errorf("find -size after find -name: %d given, %d looked up", given, missed)
	}
	// Whoever looks up after the next directory has been read is in time.
	if w = (wants{given: probeAfter}); !w.plain() {
		t.Error("no probe")
	}
	w.ended(0)
	w.ended(100)
	w.missed()
	if given, missed := walkWanting(&w, 100, true); missed != 0 || given != 10_000 {
		t.Errorf("after a late lookup: %d given, %d looked up", given, missed)
	}
}

// The kernel asks once more at the end of a directory: that is no other one.
func TestWantsCountsADirectoryOnce(t *testing.T) {
	mem := s3test.NewMem()
	mem.Put("a", s3test.Bytes([]byte("a")))
	c, err := catalog.New(catalog.Config{Bucket: mem})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tr := newTree(Config{Catalog: c})
	tr.wants.given = probeAfter
	h := &dirHandle{d: tr.root}
	defer h.close()
	for range 2 {
		for {
			e, errno := h.Readdirent(context.Background())
			if errno != 0 {
				t.Fatal(errno)
			}
			if e == nil {
				break
			}
		}
		h.Seekdir(context.Background(), h.pos)
	}
	if tr.wants.read != 1 {
		t.Errorf("%d directories read, want 1", tr.wants.read)
	}
}
