package e2e_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// small are options with which a few kilobytes are many blocks and nothing is
// fetched but what is read.
var small = []string{"--block-size", "64KiB", "--read-part-size", "64KiB", "--read-ahead", "0", "--consistency", "open"}

// TestFaultF9ReplacedWhileOpen: rows F9 and F12 to F15. A handle opened before
// the object was replaced returns the blocks it has and ESTALE for the others, by
// every kind of read; a handle opened after sees the new version.
func TestFaultF9ReplacedWhileOpen(t *testing.T) {
	const old = 640 * kib
	for _, tt := range []struct {
		name string
		size int64
	}{
		{"F9 F12 same size", old},
		{"F13 smaller", 100 * kib},
		{"F13 empty", 0},
		{"F14 larger", 2 * old},
	} {
		for _, direct := range []int{0, unix.O_DIRECT} {
			name := tt.name
			if direct != 0 {
				name += " O_DIRECT"
			}
			t.Run(name, func(t *testing.T) {
				s := newStand(t)
				f := s.put("f", old)
				s.mount(small...)
				before := f.open(t, direct)
				if err := f.readAt(before, 0, 4096); err != nil {
					t.Fatal(err)
				}
				g := s.overwrite(f, tt.size)
				after := g.open(t, direct)
				// In both orders, and the old handle again after the new one.
				for range 2 {
					if err := f.readAt(before, 0, 4096); err != nil {
						t.Errorf("old handle, cached block: %v", err)
					}
					if err := f.readAt(before, 512*kib, 4096); !errors.Is(err, unix.ESTALE) {
						t.Errorf("old handle, missing block: %v, want ESTALE", err)
					}
					// One read over a cached and a missing block.
					if err := f.readAt(before, 60*kib, 8192); err == nil {
						t.Error("a read over a missing block of the old version succeeded")
					}
					for off := int64(0); off <= g.size; off += 50 * kib {
						if err := g.readAt(after, off, 4096); err != nil {
							t.Errorf("new handle at %d: %v", off, err)
						}
					}
					if st, err := before.Stat(); err != nil || st.Size() != old {
						t.Errorf("size of the old handle: %v, %v", st, err)
					}
				}
				g.verify(t)
			})
		}
	}
}

// TestFaultF9VersionedBucket: where the bucket keeps versions, an old handle
// reads on.
func TestFaultF9VersionedBucket(t *testing.T) {
	s := newStand(t)
	s.bucket.SetVersioning(true)
	f := s.put("f", 640*kib)
	s.mount(small...)
	before := f.open(t, 0)
	g := s.overwrite(f, 100*kib)
	for off := int64(0); off < f.size; off += 60 * kib {
		if err := f.readAt(before, off, 4096); err != nil {
			t.Errorf("old handle at %d: %v", off, err)
		}
	}
	g.verify(t)
	s.bucket.Delete("f")
	if _, err := os.Stat(g.path()); !errors.Is(err, fs.ErrNotExist) {
		// consistency=open is about opens; names are looked up by their TTL.
		if _, err := os.Open(g.path()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open of a deleted object: %v, want ENOENT", err)
		}
	}
}

// TestReadOnByLearntVersion: a handle whose name came from a listing, which does
// not tell version ids, goes on reading its version after an overwrite and a
// delete, by the id that its first GET told, and no request more.
func TestReadOnByLearntVersion(t *testing.T) {
	for _, versioning := range []bool{true, false} {
		s := newStand(t)
		s.bucket.SetVersioning(versioning)
		f := s.put("d/f", 640*kib)
		s.mount("--block-size", "64KiB", "--read-part-size", "64KiB", "--read-ahead", "0")
		if _, err := os.ReadDir(filepath.Join(s.mnt, "d")); err != nil {
			t.Fatal(err)
		}
		before := f.open(t, 0)
		if err := f.readAt(before, 0, 4096); err != nil {
			t.Fatal(err)
		}
		s.server.Reset()
		g := s.overwrite(f, 100*kib)
		reads := 0
		for off := int64(64 * kib); off < f.size; off += 64 * kib {
			err := f.readAt(before, off, 4096)
			switch reads++; {
			case versioning && err != nil:
				t.Errorf("at %d: %v", off, err)
			case !versioning && !errors.Is(err, unix.ESTALE):
				t.Errorf("at %d: %v, want ESTALE", off, err)
			}
			if off == 320*kib {
				s.bucket.Delete("d/f")
			}
		}
		// Beside them there may be the HEAD for the checksum of what is whole by now.
		if n := s.server.Count(s3test.OpGet); versioning && n != reads {
			t.Errorf("%d GETs for %d blocks", n, reads)
		}
		s.bucket.Put(g.key, g.content)
	}
}

// TestReadOnByVersionAskedFor: such a handle reads on, too, when the object was replaced
// or deleted before any GET of it told its id, because it has not been read yet or was
// read by a mount before: the bucket is asked for its versions, once. Without versions
// that costs one question as well.
func TestReadOnByVersionAskedFor(t *testing.T) {
	for _, tt := range []struct {
		name       string
		versioning bool
		cached     bool // the first blocks, by another mount
		change     func(*stand, file)
	}{
		{"overwritten", true, false, func(s *stand, f file) { s.overwrite(f, 100*kib) }},
		{"deleted", true, false, func(s *stand, f file) { s.bucket.Delete(f.key) }},
		{"cached, overwritten", true, true, func(s *stand, f file) { s.overwrite(f, f.size) }},
		{"cached, deleted", true, true, func(s *stand, f file) { s.bucket.Delete(f.key) }},
		{"cached, both", true, true, func(s *stand, f file) { s.overwrite(f, f.size); s.bucket.Delete(f.key) }},
		{"unversioned", false, false, func(s *stand, f file) { s.overwrite(f, 100*kib) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStand(t)
			s.bucket.SetVersioning(tt.versioning)
			f := s.put("d/f", 640*kib)
			options := []string{"--block-size", "64KiB", "--read-part-size", "64KiB", "--read-ahead", "0"}
			if tt.cached {
				d := s.mount(options...)
				h, err := os.Open(f.path())
				if err != nil {
					t.Fatal(err)
				}
				err = errors.Join(f.readAt(h, 0, 128*kib), h.Close())
				if code := d.unmount(); err != nil || code != 0 {
					t.Fatal(err, code)
				}
			}
			s.mount(options...)
			if _, err := os.ReadDir(filepath.Join(s.mnt, "d")); err != nil {
				t.Fatal(err)
			}
			h := f.open(t, 0)
			tt.change(s, f)
			s.server.Reset()
			for off := int64(0); off < f.size; off += 64 * kib {
				switch err := f.readAt(h, off, 4096); {
				case tt.versioning && err != nil:
					t.Errorf("at %d: %v", off, err)
				case !tt.versioning && !errors.Is(err, unix.ESTALE):
					t.Errorf("at %d: %v, want ESTALE", off, err)
				}
			}
			if n := s.server.Count(s3test.OpVersions); n != 1 {
				t.Errorf("asked for versions %d times", n)
			}
		})
	}
}

// TestFaultF10ServerIgnoresConditions: the client compares what the server did not.
func TestFaultF10ServerIgnoresConditions(t *testing.T) {
	s := newStand(t)
	f := s.put("f", 640*kib)
	s.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpGet}, Do: s3test.IgnoreConditions(s.bucket)})
	s.mount(append(small, hasty...)...)
	before := f.open(t, 0)
	if err := f.readAt(before, 0, 4096); err != nil {
		t.Fatal(err)
	}
	g := s.overwrite(f, f.size)
	if err := f.readAt(before, 512*kib, 4096); !errors.Is(err, unix.ESTALE) {
		t.Errorf("old handle, missing block: %v, want ESTALE", err)
	}
	g.verify(t)
}

// TestFaultF16DeletedWhileOpen: what is cached, or ESTALE; and ENOENT by name
// once the metadata has expired.
func TestFaultF16DeletedWhileOpen(t *testing.T) {
	s := newStand(t)
	f := s.put("f", 640*kib)
	s.mount("--block-size", "64KiB", "--read-part-size", "64KiB", "--read-ahead", "0",
		"--metadata-ttl", "100ms", "--negative-metadata-ttl", "100ms")
	h := f.open(t, 0)
	if err := f.readAt(h, 0, 4096); err != nil {
		t.Fatal(err)
	}
	s.bucket.Delete("f")
	if err := f.readAt(h, 0, 4096); err != nil {
		t.Errorf("cached block: %v", err)
	}
	if err := f.readAt(h, 512*kib, 4096); !errors.Is(err, unix.ESTALE) {
		t.Errorf("missing block: %v, want ESTALE", err)
	}
	eventually(t, "the name is gone", func() bool {
		_, err := os.Stat(f.path())
		return errors.Is(err, fs.ErrNotExist)
	})
	g := s.overwrite(f, 10*kib)
	eventually(t, "the name is back", func() bool {
		_, err := os.Stat(f.path())
		return err == nil
	})
	g.verify(t)
}

// TestFaultF17GoneAfterListing: a listed object that is gone is ENOENT at open or
// ESTALE at read, and ENOENT from then on; never EIO.
func TestFaultF17GoneAfterListing(t *testing.T) {
	for _, consistency := range []string{"open", "ttl"} {
		t.Run(consistency, func(t *testing.T) {
			s := newStand(t)
			f := s.put("f", 100*kib)
			s.put("g", 1)
			s.mount("--consistency", consistency)
			if names, err := os.ReadDir(s.mnt); err != nil || len(names) != 2 {
				t.Fatal(names, err)
			}
			s.bucket.Delete("f")
			h, err := os.Open(f.path())
			if err == nil && consistency == "ttl" {
				defer h.Close()
				if err := f.readAt(h, 0, 4096); !errors.Is(err, unix.ESTALE) {
					t.Errorf("read: %v, want ESTALE", err)
				}
				// The failure has told that what was known is out of date.
				eventually(t, "the name is gone", func() bool {
					var again *os.File
					if again, err = os.Open(f.path()); err == nil {
						again.Close()
					}
					return err != nil
				})
			}
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("open: %v, want ENOENT", err)
			}
		})
	}
}
