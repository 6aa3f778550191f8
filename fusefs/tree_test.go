package fusefs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// TestFS is the standard library's conformance suite; the plain directory is the
// control.
func TestFS(t *testing.T) {
	files := map[string]string{
		"a.txt": "alpha", "d/b.bin": "\x00\x01", "d/e/f/g": "deep", "empty": "", "d-1": "sorts before d/",
	}
	m := mount(t, setting{TTL: time.Minute, NegativeTTL: time.Minute})
	plain := t.TempDir()
	for name, data := range files {
		m.put(name, data)
		if err := os.MkdirAll(filepath.Join(plain, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(plain, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, dir := range map[string]string{"plain": plain, "mount": m.dir} {
		t.Run(name, func(t *testing.T) {
			if err := fstest.TestFS(os.DirFS(dir), slices.Collect(maps.Keys(files))...); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// expect walks the rules over keys: every path below the prefix, and the key that it
// is; directories end in a slash.
func expect(keys map[string]string, prefix string, escape bool) map[string]string {
	whole := map[string]string{"": "／", ".": "．", "..": "．．"}
	special := strings.NewReplacer("／", "‛／", "．", "‛．", "␀", "‛␀", "‛", "‛‛", "\x00", "␀")
	called := func(component string) (string, bool) {
		name, odd := whole[component]
		switch {
		case !escape:
			return component, !odd && !strings.Contains(component, "\x00") && len(component) <= 1024
		case !odd:
			name = special.Replace(component)
		}
		return name, len(name) <= 1024
	}
	want := make(map[string]string)
	files := make(map[string]string)
	for k, data := range keys {
		rest, ok := strings.CutPrefix(k, prefix)
		path := ""
		for more := true; ok && more; {
			var component, name string
			component, rest, more = strings.Cut(rest, "/")
			if component == "" && !more {
				break // a marker
			}
			if name, ok = called(component); ok && more {
				path += name + "/"
				want[path] = ""
			} else if ok {
				files[path+name] = k
			}
		}
		if ok && escape && data != "" && strings.HasSuffix(k, "/") {
			want[path+"‛marker"] = k
		}
	}
	for path, k := range files {
		switch _, dir := want[path+"/"]; {
		case !dir:
			want[path] = k
		case escape && len(path[strings.LastIndexByte(path, '/')+1:]+"‛file") <= 1024:
			want[path+"‛file"] = k
		}
	}
	return want
}

func walk(dir string) (map[string]string, error) {
	got := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel := strings.TrimPrefix(path, dir+"/")
		if d.IsDir() {
			got[rel+"/"] = ""
			return nil
		}
		data, err := os.ReadFile(path)
		got[rel] = string(data)
		return err
	})
	return got, err
}

func TestGeneratedKeys(t *testing.T) {
	for name, escape := range map[string]bool{"hide": false, "escape": true} {
		t.Run(name, func(t *testing.T) { checkGeneratedKeys(t, escape) })
	}
}

func checkGeneratedKeys(t *testing.T, escape bool) {
	m := mount(t, setting{Escape: escape})
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		prefix := fmt.Sprintf("case %d/", n)
		piece := rapid.SampledFrom([]string{
			"a", "-", ".", "/", "/", "!", "%", "%2F", "é", "\n", "\xff", "..", "\t", "\x7f", "+", "?", "#", "&", "<",
			`"`, `\`, " ", "😀", "e\u0301", "*", "A", ".Trash-0", ".fuse_hidden1",
			"a/", "/./", "//", "\x00", "‛", "／", "．", "␀", "‛file", "‛marker", "\xe2\x80",
			strings.Repeat("n", 255), strings.Repeat("m", 256),
		})
		keys := map[string]string{prefix + "always": "x"}
		for i := range rapid.IntRange(0, 12).Draw(t, "n") {
			k := prefix + strings.Join(rapid.SliceOfN(piece, 1, 6).Draw(t, "key"), "")
			if len(k) <= 1024 {
				keys[k] = rapid.SampledFrom([]string{"", fmt.Sprint(i)}).Draw(t, "data")
			}
		}
		for k, data := range keys {
			m.put(k, data)
		}
		want := expect(keys, prefix, escape)
		contents := make(map[string]string)
		for path, k := range want {
			contents[path] = keys[k]
		}
		dir := m.path(strings.TrimSuffix(prefix, "/"))
		got, err := walk(dir)
		if err != nil || !maps.Equal(got, contents) {
			t.Fatalf("keys %q\n got %q, %v\nwant %q", slices.Sorted(maps.Keys(keys)), got, err, want)
		}
		inodes := make(map[uint64]string)
		for path, k := range want {
			var st unix.Stat_t
			if err := unix.Stat(dir+"/"+path, &st); err != nil || inodes[st.Ino] != "" {
				t.Fatalf("%q: %v, has the number of %q", path, err, inodes[st.Ino])
			}
			inodes[st.Ino] = path
			key := make([]byte, 1100)
			if n, err := unix.Getxattr(dir+"/"+path, "user.s3.key", key); err != nil || k != "" && string(key[:n]) != k {
				t.Fatalf("%q is the key %q, %v, want %q", path, key[:max(n, 0)], err, k)
			}
		}
	})
}

// F39, F40: nothing with a traversing component is reachable.
func TestNoTraversal(t *testing.T) {
	m := mount(t, setting{})
	for _, k := range []string{"../../etc/passwd", "/etc/passwd", "d/../secret", "d//x", "d/./y", "d/..", "nul\x00"} {
		m.put(k, "foreign")
	}
	m.put("d/fine", "fine")
	got, err := walk(m.dir)
	if want := map[string]string{"d/": "", "d/fine": "fine"}; err != nil || !maps.Equal(got, want) {
		t.Fatalf("%q, %v", got, err)
	}
	var buf [200]byte
	n, err := unix.Getxattr(m.path("d"), "user.zs3fs.hidden", buf[:])
	if err != nil || !strings.HasPrefix(string(buf[:n]), "total=4 unrepresentable=4 ") {
		t.Fatalf("%q, %v", buf[:max(n, 0)], err)
	}
}

// F42.
func TestLongNames(t *testing.T) {
	for _, nameMax := range []int{1024, 255} {
		t.Run(fmt.Sprint(nameMax), func(t *testing.T) {
			m := mount(t, setting{NameMax: nameMax})
			for _, n := range []int{255, 256, 1022} {
				m.put("d/"+strings.Repeat("x", n), fmt.Sprint(n))
			}
			entries, err := os.ReadDir(m.path("d"))
			if want := map[int]int{1024: 3, 255: 1}[nameMax]; err != nil || len(entries) != want {
				t.Fatalf("%d entries, %v", len(entries), err)
			}
			_, err = os.Stat(m.path("d/" + strings.Repeat("x", 256)))
			if nameMax == 255 && !errors.Is(err, syscall.ENAMETOOLONG) || nameMax == 1024 && err != nil {
				t.Fatal(err)
			}
			if _, err = os.Stat(m.path("d/" + strings.Repeat("x", 1025))); !errors.Is(err, syscall.ENAMETOOLONG) {
				t.Fatal(err)
			}
			var st unix.Statfs_t
			if err := unix.Statfs(m.dir, &st); err != nil || st.Namelen != int64(nameMax) || st.Bsize != 1<<20 {
				t.Fatalf("%+v, %v", st, err)
			}
		})
	}
}

// F43, F44.
func TestConflicts(t *testing.T) {
	m := mount(t, setting{})
	m.put("a", "file")
	m.put("a/b", "below")
	m.put("Case", "1")
	m.put("case", "2")
	m.put("marker/", "content")
	m.put("only/", "")
	kind := func(name string, dir bool) {
		t.Helper()
		if st, err := os.Stat(m.path(name)); err != nil || st.IsDir() != dir {
			t.Fatalf("%s: %v, %v", name, st, err)
		}
	}
	kind("a", true)
	kind("only", true)
	kind("marker", true)
	m.delete("a/b")
	kind("a", false)
	if data, err := os.ReadFile(m.path("a")); err != nil || string(data) != "file" {
		t.Fatalf("%q, %v", data, err)
	}
	m.put("a/c", "again")
	kind("a", true)
	for name, want := range map[string]string{"Case": "1", "case": "2", "a/c": "again"} {
		if data, err := os.ReadFile(m.path(name)); err != nil || string(data) != want {
			t.Fatalf("%s: %q, %v", name, data, err)
		}
	}
}

// Rule 13.
func TestAttributes(t *testing.T) {
	m := mount(t, setting{})
	when := time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)
	m.do(command{Op: "put", Key: []byte("f"), Size: 1025, ModTime: when})
	m.do(command{Op: "put", Key: []byte("d/"), ModTime: when})
	m.do(command{Op: "put", Key: []byte("g"), Size: 10, Class: "GLACIER", ModTime: when})
	var inos []uint64
	for range 2 {
		var f, d, g unix.Stat_t
		if err := errors.Join(unix.Stat(m.path("f"), &f), unix.Stat(m.path("d"), &d), unix.Stat(m.path("g"), &g)); err != nil {
			t.Fatal(err)
		}
		if f.Mode != unix.S_IFREG|0o644 || f.Uid != 12 || f.Gid != 34 || f.Size != 1025 || f.Blocks != 3 ||
			f.Nlink != 1 || f.Blksize != 1<<20 || f.Mtim.Sec != when.Unix() || f.Ctim != f.Mtim || f.Atim != f.Mtim {
			t.Errorf("file: %+v", f)
		}
		if d.Mode != unix.S_IFDIR|0o755 || d.Nlink != 1 || d.Mtim.Sec != when.Unix() {
			t.Errorf("directory: %+v", d)
		}
		if g.Mode != unix.S_IFREG || g.Size != 10 {
			t.Errorf("archived: %+v", g)
		}
		if _, err := os.Open(m.path("g")); !errors.Is(err, syscall.EACCES) {
			t.Errorf("open of an archived object: %v", err)
		}
		inos = append(inos, f.Ino, d.Ino, g.Ino)
		m = mount(t, setting{}) // another mount of the same bucket
		m.do(command{Op: "put", Key: []byte("f"), Size: 1025, ModTime: when})
		m.do(command{Op: "put", Key: []byte("d/"), ModTime: when})
		m.do(command{Op: "put", Key: []byte("g"), Size: 10, Class: "GLACIER", ModTime: when})
	}
	if !slices.Equal(inos[:3], inos[3:]) {
		t.Errorf("other inode numbers after a remount: %v", inos)
	}
}

// A directory's time is its marker's of now, and not of when it was first looked at.
func TestMarkerPutAgain(t *testing.T) {
	m := mount(t, setting{})
	when := time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)
	for i, look := range []func() error{
		func() error { return nil },
		func() error { _, err := os.ReadDir(m.path("d")); return err },
		func() error { _, err := os.ReadDir(m.dir); return err },
	} {
		put := when.AddDate(i, 0, 0)
		m.do(command{Op: "put", Key: []byte("d/"), ModTime: put})
		if err := look(); err != nil {
			t.Fatal(err)
		}
		fi, err := os.Stat(m.path("d"))
		if err != nil || !fi.ModTime().Equal(put) {
			t.Errorf("put at %v: %v, %v", put, fi.ModTime(), err)
		}
	}
}
