package fusefs

import (
	"testing"
	"time"
	"unsafe"

	"github.com/zs3fs/zs3fs/s3backend"
)

// TestFilesHoldTheirObject: packed, and what HEAD said is not lost to a listing.
func TestFilesHoldTheirObject(t *testing.T) {
	if n := unsafe.Sizeof(file{}); n > 256 {
		t.Errorf("a file takes %d bytes: more than 256 are 288 of the heap, a million times", n)
	}
	at := time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC)
	d := &dir{path: "d"}
	for _, etag := range []string{
		`"d41d8cd98f00b204e9800998ecf8427e"`, `"d41d8cd98f00b204e9800998ecf8427e-12"`, `"00000000000000000000000000000000"`, `W/"x"`, "",
		`"d41d8cd98f00b204e9800998ecf8427e-1a"`, `"d41d8cd98f00b204e9800998ecf8427e-4294967296"`,
	} {
		o := s3backend.Object{Key: "p/d/a", ETag: etag, Size: 7, ModTime: at, StorageClass: "STANDARD"}
		f := newFile(d, "a", o)
		if got := f.object(); got != o {
			t.Errorf("%+v, want %+v", got, o)
		}
		if g := newFile(d, "b", o); g.more != f.more {
			t.Error("two files alike share nothing")
		}
		restored := o
		restored.Restored = true // of a server that tells no content type
		f.refresh(restored)
		f.refresh(o)
		if got := f.object(); got != restored {
			t.Errorf("after a listing %+v, want %+v", got, restored)
		}
		headed := o
		headed.StorageClass = ""
		headed.VersionID, headed.ContentType, headed.ModTime = "v1", "text/plain", at.Add(time.Second)
		f.refresh(headed)
		o.ModTime = headed.ModTime
		f.refresh(o)
		if got := f.object(); got != headed {
			t.Errorf("after a listing %+v, want %+v", got, headed)
		}
		o.ModTime = time.Time{}
		f.refresh(o)
		if got := f.object(); got != o {
			t.Errorf("put again: %+v, want %+v", got, o)
		}
	}
}
