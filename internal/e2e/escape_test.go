package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// awkward are keys that no file system has, or that are called so in escape mode, by
// the paths that they have in it.
var awkward = map[string]string{
	"plain": "plain", "dir/plain": "dir/plain", "new\nline": "new\nline", "invalid \xff": "invalid \xff", "日本": "日本",
	".": "．‛file", "./a": "．/a", "..": "．．‛file", "../../etc/passwd": "．．/．．/etc/passwd",
	"/etc/passwd": "／/etc/passwd", "/": "／/‛marker", "//": "／/／/‛marker", "//x": "／/／/x",
	"a//b": "a/／/b", "a": "a‛file", "a‛file": "a‛‛file‛file", "a‛file/b": "a‛‛file/b", "a/‛marker": "a/‛‛marker", "a/": "a/‛marker",
	"d/./x": "d/．/x", "d/.": "d/．‛file", "nul\x00name": "nul␀name", "\x00": "␀", "␀": "‛␀",
	"‛": "‛‛", "／": "‛／‛file", "／/x": "‛／/x", "．．/x": "‛．‛．/x", "\xe2\x80": "\xe2\x80", "\xe2\x80\x00\x9b": "\xe2\x80␀\x9b",
}

// TestUnmappableEscape: each object is read by exactly one path, and each path is
// called by what it is; the server sees only true keys.
func TestUnmappableEscape(t *testing.T) {
	keys := maps.Clone(awkward)
	for i := range 300 { // several pages, of what sorts elsewhere than its key
		name := fmt.Sprintf("%c%03d", []rune("a‛z日／\x00")[i%6], i)
		keys["many/"+name] = "many/" + strings.NewReplacer("‛", "‛‛", "／", "‛／", "\x00", "␀").Replace(name)
	}
	for _, prefix := range []string{"", "a//", "../"} {
		t.Run("prefix "+prefix, func(t *testing.T) {
			s := newStandWith(t, s3test.ServerConfig{PageSize: 40})
			s.put("elsewhere", 10)
			want := map[string]file{}
			for k, path := range keys {
				want[path] = s.put(prefix+k, int64(100+len(want)))
			}
			s.put(prefix+"empty/", 0)
			if prefix == "" {
				want["elsewhere"] = s.put("elsewhere", 10)
			} else {
				s.put(prefix, 10) // out of scope
			}
			d := s.mount("-o", "unmappable=escape", "--prefix", prefix)
			checkEscaped(t, s, prefix, want)
			if out := d.log.String(); strings.Contains(out, "cannot be shown") {
				t.Errorf("something is hidden:\n%s", out)
			}
			for _, r := range s.server.Requests(func(s3test.Request) bool { return true }) {
				if r.Op != s3test.OpList && !slices.ContainsFunc(keysOf(want), func(k string) bool { return r.Key == k }) && !asked(want, r.Key) {
					t.Errorf("the server was asked for %q", r.Key)
				}
			}
		})
	}
}

func keysOf(want map[string]file) (keys []string) {
	for _, f := range want {
		keys = append(keys, f.key)
	}
	return keys
}

// asked reports whether key is a directory's without its slash, for which HEAD asks.
func asked(want map[string]file, key string) bool {
	return slices.ContainsFunc(keysOf(want), func(k string) bool { return strings.HasPrefix(k, key+"/") })
}

func checkEscaped(t *testing.T, s *stand, prefix string, want map[string]file) {
	t.Helper()
	found := exec.Command("find", ".", "-type", "f", "-print0")
	found.Dir = s.mnt
	var errs bytes.Buffer
	found.Stderr = &errs
	out, err := found.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, errs.Bytes())
	}
	paths := bytes.Split(bytes.TrimSuffix(out, []byte{0}), []byte{0})
	if len(paths) != len(want) {
		t.Errorf("find prints %d files, of %d objects", len(paths), len(want))
	}
	inodes := map[uint64]string{}
	for _, p := range paths {
		path := strings.TrimPrefix(string(p), "./")
		f, ok := want[path]
		if !ok {
			t.Errorf("%q is no object's path", path)
			continue
		}
		full := filepath.Join(s.mnt, path)
		data, err := os.ReadFile(full)
		if err != nil || int64(len(data)) != f.size || f.check(data, 0) != nil {
			t.Errorf("%q: %d bytes, %v, want the %d of %q", path, len(data), err, f.size, f.key)
		}
		if key := xattr(t, full, "user.s3.key"); key != f.key {
			t.Errorf("%q is the key %q, want %q", path, key, f.key)
		}
		st, err := os.Stat(full)
		if err != nil {
			t.Fatal(err)
		}
		ino := st.Sys().(*syscall.Stat_t).Ino
		if other, twice := inodes[ino]; twice {
			t.Errorf("%q and %q have one inode number", path, other)
		}
		inodes[ino] = path
	}
	err = filepath.WalkDir(s.mnt, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		if v := xattr(t, path, "user.zs3fs.hidden"); !strings.HasPrefix(v, "total=0 ") {
			t.Errorf("%q: %s", path, v)
		}
		st, err := os.Stat(path)
		if err != nil {
			return err
		}
		ino := st.Sys().(*syscall.Stat_t).Ino
		if other, twice := inodes[ino]; twice {
			t.Errorf("%q and %q have one inode number", path, other)
		}
		inodes[ino] = path
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestUnmappableEscapeByPath: the same with no listing to tell, of the present and of
// an hour ago; and what was shadowed has its own name back when nothing shadows it.
func TestUnmappableEscapeByPath(t *testing.T) {
	for name, options := range map[string][]string{
		"open":  {"--consistency", "open", "--metadata-ttl", "minimal", "--negative-metadata-ttl", "minimal"},
		"as of": {"--as-of", "1h"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			s.bucket.SetVersioning(true)
			files := map[string]file{}
			for k, path := range awkward {
				files[path] = s.putAt(file{s: s, key: k, seed: s.seeds.Add(1)}, int64(100+len(files)), time.Now().Add(-2*time.Hour))
			}
			s.putAt(file{s: s, key: "empty/"}, 0, time.Now().Add(-2*time.Hour))
			s.putAt(file{s: s, key: "later//x"}, 10, time.Now().Add(-time.Minute))
			s.mount(append(options, "--unmappable=escape")...)
			for path, f := range files {
				data, err := os.ReadFile(filepath.Join(s.mnt, path))
				if err != nil || int64(len(data)) != f.size || f.check(data, 0) != nil {
					t.Errorf("%q: %d bytes, %v, want the %d of %q", path, len(data), err, f.size, f.key)
				}
			}
			for _, path := range []string{
				"‛marker", "／‛file", "plain‛file", "dir‛file", "dir/‛marker", "empty/‛marker", "a‛file‛file", "a‛", "nul‛name",
				"a/‛marker/x", "a‛file/b", "d/‛．", "．．．",
			} {
				if _, err := os.Stat(filepath.Join(s.mnt, path)); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
					t.Errorf("%q: %v, want ENOENT", path, err)
				}
			}
			if _, err := os.Stat(filepath.Join(s.mnt, "later/／/x")); (err == nil) != (name == "open") {
				t.Errorf("of a minute ago: %v", err)
			}
			if name != "open" {
				return
			}
			for _, k := range []string{"a/", "a//b", "a/‛marker"} {
				s.bucket.Delete(k)
			}
			a := files["a‛file"]
			eventually(t, "a is a file again, called so", func() bool {
				data, err := os.ReadFile(filepath.Join(s.mnt, "a"))
				_, gone := os.Stat(filepath.Join(s.mnt, "a‛file"))
				return err == nil && int64(len(data)) == a.size && a.check(data, 0) == nil && errors.Is(gone, fs.ErrNotExist)
			})
		})
	}
}

// TestUnmappableEscapeTooLong: what escaping makes too long is hidden and counted.
func TestUnmappableEscapeTooLong(t *testing.T) {
	s := newStand(t)
	long := strings.Repeat("n", 1017)
	fits := s.put(long, 10)
	s.put(long+"/x", 10)
	s.put(long+"n", 10) // 1018, and 7 more are 1025
	s.put(long+"n/x", 10)
	s.put(strings.Repeat("‛", 171)+"/x", 10)
	s.put(strings.Repeat("‛", 170), 10)
	s.mount("--unmappable=escape")
	want := []string{long, long + "n", long + "‛file", strings.Repeat("‛", 340)}
	if got := s.names(t, ""); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if v := xattr(t, s.mnt, "user.zs3fs.hidden"); v != "total=2 unrepresentable=0 shadowed=0 marker_content=0 too_long=2" {
		t.Error(v)
	}
	data, err := os.ReadFile(filepath.Join(s.mnt, long+"‛file"))
	if err != nil || fits.check(data, 0) != nil {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if _, err := os.Stat(filepath.Join(s.mnt, long+"n‛file")); !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Errorf("%v, want ENAMETOOLONG", err)
	}
}

// TestUnmappableEscapeRefresh: what never expires is asked for anew by the paths that
// keys have, and an object that changes its path is at one of them.
func TestUnmappableEscapeRefresh(t *testing.T) {
	s := newStand(t)
	files := map[string]file{"a‛file": s.put("a", 100), "a/x": s.put("a/x", 100), "d/／/f": s.put("d//f", 100), "m/‛marker": s.put("m/", 100)}
	s.put("b", 50)
	s.mount("--unmappable=escape", "--consistency", "forever", "--negative-metadata-ttl", "-1", "--runtime-dir", filepath.Join(s.dir, "run"))
	size := func(path string) int64 {
		st, err := os.Stat(filepath.Join(s.mnt, path))
		if err != nil {
			return -1
		}
		return st.Size()
	}
	refresh := func(path string) {
		t.Helper()
		cmd := exec.Command(executable, "refresh", filepath.Join(s.mnt, path))
		cmd.Env = s.environ()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for path, f := range files {
		if got := size(path); got != 100 {
			t.Errorf("%q: %d bytes", path, got)
		}
		f = s.overwrite(f, 200)
		if got := size(path); got != 100 {
			t.Errorf("%q, not refreshed: %d bytes", path, got)
		}
		refresh(path)
		data, err := os.ReadFile(filepath.Join(s.mnt, path))
		if err != nil || len(data) != 200 || f.check(data, 0) != nil {
			t.Errorf("%q, refreshed: %d bytes, %v", path, len(data), err)
		}
		if path == "a‛file" {
			files[path] = f
		}
	}
	if size("b") != 50 || size("b‛file") != -1 {
		t.Error("b is not an object alone")
	}
	s.put("b/x", 10)
	s.bucket.Delete("a/x")
	refresh("a")
	refresh("b")
	data, err := os.ReadFile(filepath.Join(s.mnt, "a"))
	if err != nil || files["a‛file"].check(data, 0) != nil || size("a‛file") != -1 {
		t.Errorf("a, which nothing shadows: %d bytes, %v; and %d by its other path", len(data), err, size("a‛file"))
	}
	if size("b‛file") != 50 || size("b/x") != 10 {
		t.Errorf("b, which is shadowed: %d bytes, and %d in the directory", size("b‛file"), size("b/x"))
	}
}
