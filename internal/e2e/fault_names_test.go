package e2e_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// names returns the names in a directory of the mount, in order.
func (s *stand) names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.mnt, dir))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func xattr(t testing.TB, path, name string) string {
	t.Helper()
	p := make([]byte, 4096)
	n, err := unix.Getxattr(path, name, p)
	if err != nil {
		t.Fatalf("getxattr %s of %s: %v", name, path, err)
	}
	return string(p[:n])
}

// TestFaultF39UnrepresentableKeys: rows F39 and F40. Keys that no path can name
// are hidden and counted, reach nothing else, and are no way out of the mount.
func TestFaultF39UnrepresentableKeys(t *testing.T) {
	hidden := []string{
		".", "..", "./a", "../a", "../../etc/passwd", "/etc/passwd", "/", "//", "a//b", "d/./x", "d/../x", "d/..",
		"nul\x00name", "d//", "..//..", "/../x",
	}
	for _, prefix := range []string{"", "../../etc/"} {
		t.Run("prefix "+prefix, func(t *testing.T) {
			s := newStand(t)
			for _, key := range hidden {
				s.put(prefix+key, 10)
			}
			f := s.put(prefix+"d/file", 10)
			daemon := s.mount("--prefix", prefix)
			if got := s.names(t, ""); !slices.Equal(got, []string{"a", "d"}) && !slices.Equal(got, []string{"d"}) {
				t.Errorf("names in the root: %q", got)
			}
			if got := s.names(t, "d"); !slices.Equal(got, []string{"file"}) {
				t.Errorf("names in d: %q", got)
			}
			f.key = "d/file"
			f.verify(t)
			for _, dir := range []string{"", "d"} {
				if v := xattr(t, filepath.Join(s.mnt, dir), "user.zs3fs.hidden"); !strings.ContainsAny(v, "123456789") {
					t.Errorf("user.zs3fs.hidden of %q is %q, which counts nothing", dir, v)
				}
			}
			// The sandbox holds what the test made, and nothing else.
			entries, err := os.ReadDir(s.dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if e.Name() != "cache" && e.Name() != "mnt" && e.Name() != "run" { // of its control socket
					t.Errorf("the daemon made %s", e.Name())
				}
			}
			// Not before it is written, behind the reader.
			if code := daemon.unmount(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			walkCache(t, s.cache, false)
		})
	}
}

// TestFaultF41AwkwardNames: rows F41 and F44. Every other byte passes through, by
// listing, by path and by contents; log lines stay lines.
func TestFaultF41AwkwardNames(t *testing.T) {
	s := newStandWith(t, s3test.ServerConfig{PageSize: 5})
	keys := []string{
		"new\nline", "carriage\rreturn", "tab\t", "bell\a", "delete\x7f", "%25", "%2F", "a+b", "a b", " leading", "trailing ",
		"what?", "#hash", "a&b", "<tag>", `"quotes"`, "'single'", `back\slash`, "emoji 🐘", "nfc \u00e9", "nfd e\u0301",
		"invalid \xff\xfe utf-8", "star*", "[a-z]", "$HOME", "`ls`", "-rf", "~", "COLON:", "semi;colon", "|", "name=value",
		"Case", "case", "CASE", ".hidden", ".Trash-0", ".fuse_hidden0001", "...", "..a", "a..", "x_$folder$", "\u202egnp.exe",
	}
	var files []file
	for _, k := range keys {
		files = append(files, s.put(k, 100), s.put("dir "+k+"/in "+k, 100))
	}
	d := s.mount("--consistency", "open")
	want := slices.Clone(keys)
	for _, k := range keys {
		want = append(want, "dir "+k)
	}
	slices.Sort(want)
	if got := s.names(t, ""); !slices.Equal(got, want) {
		t.Errorf("names:\n%q, want\n%q", got, want)
	}
	for _, f := range files {
		h := f.open(t, 0)
		if err := f.readAt(h, 0, 101); err != nil {
			t.Errorf("%q: %v", f.key, err)
		}
		if got := xattr(t, f.path(), "user.s3.key"); got != f.key {
			t.Errorf("%q: key %q", f.key, got)
		}
	}
	for line := range strings.Lines(d.log.String()) {
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("a key has broken a log line: %q", line)
		}
	}
}

// TestFaultF42LongNames: what the kernel can take is shown, the rest is hidden and
// fails no listing.
func TestFaultF42LongNames(t *testing.T) {
	name := func(n int) string { return strings.Repeat("n", n) }
	for _, tt := range []struct {
		options []string
		shown   []int
	}{
		{nil, []int{255, 256, 1023, 1024}},
		{[]string{"--name-max", "255"}, []int{255}},
	} {
		t.Run(strings.Join(tt.options, " "), func(t *testing.T) {
			s := newStand(t)
			for _, n := range []int{255, 256, 1023, 1024} {
				s.put(name(n), 50)
			}
			deep := s.put(strings.Repeat("d/", 500)+"end", 50)
			s.mount(tt.options...)
			want := []string{"d"}
			for _, n := range tt.shown {
				want = append(want, name(n))
			}
			if got := s.names(t, ""); !slices.Equal(got, want) {
				t.Errorf("%d names, want %d", len(got), len(want))
			}
			for _, n := range tt.shown {
				if st, err := os.Stat(filepath.Join(s.mnt, name(n))); err != nil || st.Size() != 50 {
					t.Errorf("%d bytes: %v, %v", n, st, err)
				}
			}
			if _, err := os.Stat(filepath.Join(s.mnt, name(1025))); !errors.Is(err, unix.ENAMETOOLONG) {
				t.Errorf("1025 bytes: %v, want ENAMETOOLONG", err)
			}
			if len(tt.options) > 0 {
				if v := xattr(t, s.mnt, "user.zs3fs.hidden"); !strings.Contains(v, "3") {
					t.Errorf("user.zs3fs.hidden is %q, want 3 counted", v)
				}
			}
			deep.verify(t)
		})
	}
}

// TestFaultF43FileAndDirectory: of a and a/b the directory wins, everywhere; the
// file shows again when the last a/... is gone.
func TestFaultF43FileAndDirectory(t *testing.T) {
	s := newStand(t)
	a, b := s.put("a", 100), s.put("a/b", 100)
	s.put("a-", 1)
	s.put("a0", 1)
	s.put("marker/", 10) // with data
	s.put("empty/", 0)
	s.mount("--metadata-ttl", "100ms", "--negative-metadata-ttl", "100ms")
	if got, want := s.names(t, ""), []string{"a", "a-", "a0", "empty", "marker"}; !slices.Equal(got, want) {
		t.Errorf("names: %q, want %q", got, want)
	}
	for dir, want := range map[string][]string{"a": {"b"}, "marker": nil, "empty": nil} {
		if got := s.names(t, dir); !slices.Equal(got, want) {
			t.Errorf("names in %s: %q, want %q", dir, got, want)
		}
	}
	b.verify(t)
	s.bucket.Delete("a/b")
	eventually(t, "the file a shows", func() bool {
		st, err := os.Stat(a.path())
		return err == nil && st.Mode().IsRegular()
	})
	a.verify(t)
	s.bucket.Delete("empty/")
	eventually(t, "the directory is gone", func() bool {
		_, err := os.Stat(filepath.Join(s.mnt, "empty"))
		return errors.Is(err, fs.ErrNotExist)
	})
}
