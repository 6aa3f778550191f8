package e2e_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// wantRequests fails unless do sends exactly so many requests.
func (s *stand) wantRequests(want int, what string, do func()) {
	s.t.Helper()
	s.server.Reset()
	do()
	if got := s.server.Requests(func(s3test.Request) bool { return true }); len(got) != want {
		s.t.Errorf("%s: %d requests, want %d: %v", what, len(got), want, got)
	}
}

// library is a bucket of a directory of 1,500 files and a deep one, of which some files
// are read.
type library struct {
	s    *stand
	read []file
}

func newLibrary(t *testing.T) *library {
	l := &library{s: newStand(t)}
	for i := range 1500 {
		f := l.s.put(fmt.Sprintf("d/f%04d", i), 1000)
		if i%300 == 0 {
			l.read = append(l.read, f)
		}
	}
	l.read = append(l.read, l.s.put("a/b/c/deep", 3*mib))
	return l
}

// use lists, looks up and reads, as it was at first.
func (l *library) use() {
	t := l.s.t
	t.Helper()
	for dir, want := range map[string]int{"": 2, "d": 1500, "a/b/c": 1} {
		if names, err := os.ReadDir(filepath.Join(l.s.mnt, dir)); err != nil || len(names) != want {
			t.Errorf("%q: %d names, %v", dir, len(names), err)
		}
	}
	for i := range 1500 {
		if st, err := os.Stat(filepath.Join(l.s.mnt, fmt.Sprintf("d/f%04d", i))); err != nil || st.Size() != 1000 {
			t.Fatal(st, err)
		}
	}
	if _, err := os.Stat(filepath.Join(l.s.mnt, "d/none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("d/none:", err)
	}
	for _, f := range l.read {
		f.verify(t)
	}
}

// written waits until what was seen is on disk, as a killed daemon would leave it.
func (l *library) written() {
	size := int64(0)
	for _, f := range l.read {
		size += f.size
	}
	eventually(l.s.t, "names and files are on disk", func() bool {
		v := l.s.values()
		return v["names_disk_records"] >= 5 && v["cache_present_bytes"] >= size
	})
}

// What a mount has seen, the next one need not ask for.
func TestRemountIsWarm(t *testing.T) {
	for _, how := range []string{"unmounted", "killed"} {
		t.Run(how, func(t *testing.T) {
			l := newLibrary(t)
			s := l.s
			d := s.mount("--metadata-ttl", "600", "--negative-metadata-ttl", "600")
			l.use()
			if how == "killed" {
				l.written()
				d.kill()
				eventually(t, "the dead mount is gone", func() bool { return !mounted(t, s.mnt) })
			} else if code := d.unmount(); code != 0 {
				t.Fatal("exit code", code)
			}
			d = s.mount("--metadata-ttl", "600", "--negative-metadata-ttl", "600")
			s.wantRequests(0, "all again", l.use)
			if v := s.values(); v["names_disk_hits_total"] == 0 || v["names_persisted"] != 1 {
				t.Errorf("status: %v", v)
			}
			d.unmount()
			// Never older than its word, which this mount gives.
			d = s.mount("--metadata-ttl", "minimal")
			s.bucket.Delete("d/f0000")
			if _, err := os.Stat(filepath.Join(s.mnt, "d/f0000")); !errors.Is(err, fs.ErrNotExist) {
				t.Error("a deleted file is there:", err)
			}
			d.unmount()
			// Other rules, other names: nothing of them is believed.
			d = s.mount("--metadata-ttl", "600", "--name-max", "4")
			if names, err := os.ReadDir(filepath.Join(s.mnt, "d")); err != nil || len(names) != 0 {
				t.Errorf("%d names, %v", len(names), err)
			}
			d.unmount()
			s.mount("--metadata-ttl", "600", "--metadata-persist=false")
			s.server.Reset()
			if names, err := os.ReadDir(filepath.Join(s.mnt, "d")); err != nil || len(names) != 1499 || s.server.Count(s3test.OpList) == 0 {
				t.Errorf("not kept: %d names, %v", len(names), err)
			}
		})
	}
}

// What a mount has seen is there after a restart without S3, however old it is; what it
// has not seen is not taken for absent; and when S3 is back, what has expired is asked
// anew.
func TestOfflineAfterRestart(t *testing.T) {
	for _, how := range []string{"unmounted", "killed"} {
		t.Run(how, func(t *testing.T) {
			l := newLibrary(t)
			s := l.s
			// What is listed ahead is known as well.
			options := append(slices.Clone(hasty), "--list-ahead=off", "--lazy-connect", "--metadata-ttl", "minimal", "--negative-metadata-ttl", "minimal")
			d := s.mount(options...)
			l.use()
			if how == "killed" {
				l.written()
				d.kill()
				eventually(t, "the dead mount is gone", func() bool { return !mounted(t, s.mnt) })
			} else {
				d.unmount()
			}
			s.server.Down()
			s.mount(options...)
			l.use()
			if _, err := os.ReadDir(filepath.Join(s.mnt, "a/b/never")); !errors.Is(err, unix.EIO) {
				t.Errorf("a name that nobody has asked for: %v, want EIO", err)
			}
			if v := s.values(); v["source_away"] != 1 || v["names_expired_total"] == 0 {
				t.Errorf("status: %v", v)
			}
			if err := s.server.Up(); err != nil {
				t.Fatal(err)
			}
			s.bucket.Delete("d/f0000")
			eventually(t, "S3 is asked again", func() bool {
				_, err := os.Stat(filepath.Join(s.mnt, "d/f0000"))
				return errors.Is(err, fs.ErrNotExist)
			})
		})
	}
}

// A refreshed path does not come back after a restart, not even of a killed daemon.
func TestRefreshedStaysRefreshed(t *testing.T) {
	s := newStand(t)
	f := s.put("d/e/f", 1000)
	s.put("c/f", 1000)
	options := []string{"--consistency", "forever"}
	look := func(what string, want int64) {
		t.Helper()
		for path, size := range map[string]int64{"d/e/f": want, "c/f": 1000} {
			if _, err := os.ReadDir(filepath.Dir(filepath.Join(s.mnt, path))); err != nil {
				t.Fatal(err)
			}
			if st, err := os.Stat(filepath.Join(s.mnt, path)); err != nil || st.Size() != size {
				t.Errorf("%s: %s: %v, %v, want %d", what, path, st, err, size)
			}
		}
	}
	d := s.mount(options...)
	look("at first", 1000)
	s.overwrite(f, 2000)
	d.unmount()
	d = s.mount(options...)
	look("for ever", 1000)
	if code, out := s.zs3fs("refresh", filepath.Join(s.mnt, "d")); code != 0 {
		t.Fatal(out)
	}
	d.kill()
	eventually(t, "the dead mount is gone", func() bool { return !mounted(t, s.mnt) })
	d = s.mount(options...)
	s.wantRequests(0, "what was not refreshed", func() {
		if st, err := os.Stat(filepath.Join(s.mnt, "c/f")); err != nil || st.Size() != 1000 {
			t.Error(st, err)
		}
	})
	look("after the refresh", 2000)
	d.unmount()
	s.mount(options...)
	s.wantRequests(0, "at last", func() { look("at last", 2000) })
}

// A file at the top, of which a mount is told by its own question, is for ever what it was
// to an earlier one.
func TestForeverOverARemount(t *testing.T) {
	s := newStand(t)
	f := s.put("f", 1000)
	for range 2 {
		d := s.mount("--consistency", "forever")
		if st, err := os.Stat(filepath.Join(s.mnt, "f")); err != nil || st.Size() != 1000 {
			t.Errorf("%v, %v", st, err)
		}
		if code := d.unmount(); code != 0 {
			t.Fatal("exit code", code)
		}
		f = s.overwrite(f, 2000)
	}
}

// Whatever befalls what is kept of names: they are asked for again, and are right.
func TestFaultF59DamagedNames(t *testing.T) {
	l := newLibrary(t)
	s := l.s
	r := rand.New(rand.NewPCG(1, 2))
	options := []string{"--metadata-ttl", "600", "--negative-metadata-ttl", "600"}
	s.mount(options...).use(l).unmount()
	homes, err := filepath.Glob(filepath.Join(s.cache, "*", "names"))
	if err != nil || len(homes) != 1 {
		t.Fatal(homes, err)
	}
	outside := filepath.Join(s.dir, "outside")
	if err := os.WriteFile(outside, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	log, marks := filepath.Join(homes[0], "log"), filepath.Join(homes[0], "marks")
	for _, hurt := range []struct {
		what string
		do   func() error
	}{
		{"log cut short", func() error { return os.Truncate(log, size(log)/3) }},
		{"log longer", func() error { return os.Truncate(log, 10*size(log)) }},
		{"log full of flipped bits", func() error {
			for range 20 {
				if err := flip(log, size(log), r); err != nil {
					return err
				}
			}
			return nil
		}},
		{"log gone", func() error { return os.Remove(log) }},
		{"marks gone", func() error { return os.Remove(marks) }},
		{"marks for the log", func() error { return copied(log, marks) }},
		{"log is a link", func() error { return errors.Join(os.Remove(log), os.Symlink(outside, log)) }},
		{"log is a directory", func() error { return errors.Join(os.Remove(log), os.Mkdir(log, 0o700)) }},
		{"all is a link", func() error { return errors.Join(os.RemoveAll(homes[0]), os.Symlink(s.dir, homes[0])) }},
		{"all is gone", func() error { return os.RemoveAll(homes[0]) }},
		{"all zeros", func() error { return zeroed(log, size(log)) }},
	} {
		// While it is mounted, and before it is.
		d := s.mount(options...).use(l)
		if err := hurt.do(); err != nil {
			t.Fatal(hurt.what, err)
		}
		d.use(l).unmount()
		s.mount(options...).use(l).unmount()
		if err := hurt.do(); err != nil {
			t.Fatal(hurt.what, err)
		}
		s.mount(options...).use(l).unmount()
		d = s.mount(options...)
		s.wantRequests(0, "after "+hurt.what, l.use)
		d.unmount()
	}
	if text, err := os.ReadFile(outside); err != nil || string(text) != "precious" {
		t.Errorf("a link was followed: %q, %v", text, err)
	}
	if names, err := os.ReadDir(s.dir); err != nil || slices.ContainsFunc(names, func(e fs.DirEntry) bool { return e.Name() == "log" }) {
		t.Errorf("a link was followed: %v, %v", names, err)
	}
}

// use uses the library through d.
func (d *daemon) use(l *library) *daemon {
	l.use()
	return d
}

func size(path string) int64 {
	st, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return st.Size()
}
