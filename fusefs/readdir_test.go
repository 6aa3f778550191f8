package fusefs_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// getdents reads entries with a buffer of that size until the end of fd's
// directory, and calls visit between them.
func getdents(fd, size int, visit func()) ([]string, error) {
	var all []string
	for {
		buf := make([]byte, size)
		n, err := unix.Getdents(fd, buf)
		if n <= 0 || err != nil {
			return all, err
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		all = append(all, names...)
		if visit != nil {
			visit()
		}
	}
}

func fillDir(m *mounted, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%04d-%s", i, "a name of some length"[:i%20])
		m.put("d/"+names[i], "x")
	}
	slices.Sort(names)
	return names
}

// Nothing is lost or doubled with any buffer, also when the kernel changes between
// READDIR and READDIRPLUS in the middle, as it does when entries are looked up.
func TestReaddirBuffers(t *testing.T) {
	m := mount(t, setting{TTL: time.Minute})
	want := fillDir(m, 700)
	for _, size := range []int{300, 1000, 4096, 32768} {
		fd, err := unix.Open(m.path("d"), unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		got, err := getdents(fd, size, func() {
			if calls++; calls%3 == 0 {
				os.Stat(m.path("d/" + want[calls%len(want)]))
			}
		})
		unix.Close(fd)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("buffer %d: %d names of %d, %v", size, len(got), len(want), err)
		}
	}
	// Buffers of changing size on one handle.
	fd, err := unix.Open(m.path("d"), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	var got []string
	for i := 0; ; i++ {
		buf := make([]byte, []int{32768, 300, 5000, 400}[i%4])
		n, err := unix.Getdents(fd, buf)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		got = append(got, names...)
		if i%2 == 0 {
			os.Stat(m.path("d/" + want[i%len(want)]))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("%d names of %d", len(got), len(want))
	}
}

// F81.
func TestSeekdirAndRewinddir(t *testing.T) {
	m := mount(t, setting{})
	names := fillDir(m, 500)
	fd, err := unix.Open(m.path("d"), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	buf := make([]byte, 700)
	type mark struct {
		off  int64
		rest []string
	}
	var marks []mark
	var read []string
	for {
		n, err := unix.Getdents(fd, buf)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		_, _, some := unix.ParseDirent(buf[:n], -1, nil)
		read = append(read, some...)
		off, err := unix.Seek(fd, 0, io.SeekCurrent)
		if err != nil {
			t.Fatal(err)
		}
		marks = append(marks, mark{off, names[len(read):]})
		// The snapshot does not see what happens meanwhile.
		m.put(fmt.Sprintf("d/%04d-new", len(read)+3), "")
		m.delete("d/" + names[min(len(read)+5, len(names)-1)])
	}
	if !slices.Equal(read, names) {
		t.Fatalf("%d of %d names", len(read), len(names))
	}
	for i := range marks {
		mk := marks[(i*7)%len(marks)]
		if _, err := unix.Seek(fd, mk.off, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if rest, err := getdents(fd, 1000, nil); err != nil || !slices.Equal(rest, mk.rest) {
			t.Fatalf("from offset %d: %d names, want %d, %v", mk.off, len(rest), len(mk.rest), err)
		}
	}
	if _, err := unix.Seek(fd, 0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	again, err := getdents(fd, 4096, nil)
	if err != nil || slices.Equal(again, names) || !slices.ContainsFunc(again, func(s string) bool {
		return len(s) == 8 && s[4:] == "-new"
	}) {
		t.Fatalf("rewinddir gives the old snapshot: %d names, %v", len(again), err)
	}
}

// ls -l asks once, however many files there are, and finds no name that it must
// look up.
func TestListingCostsOneRequest(t *testing.T) {
	m := mount(t, setting{TTL: time.Minute, NegativeTTL: time.Minute})
	names := fillDir(m, 300)
	before := m.counts()
	entries, err := os.ReadDir(m.path("d"))
	if err != nil || len(entries) != len(names) {
		t.Fatalf("%d, %v", len(entries), err)
	}
	for _, e := range entries {
		if fi, err := e.Info(); err != nil || fi.Size() != 1 {
			t.Fatal(fi, err)
		}
	}
	if _, err := os.Stat(m.path("d/none")); !os.IsNotExist(err) {
		t.Fatal(err)
	}
	after := m.counts()
	if heads, lists := after.Heads-before.Heads, after.Lists-before.Lists; heads > 1 || lists != 2 {
		t.Fatalf("%d HEADs and %d LISTs: want one of each for the directory's name, and one LIST", heads, lists)
	}
}

// A listing that fails does so as a whole, and works again when the bucket does.
func TestReaddirFails(t *testing.T) {
	m := mount(t, setting{})
	m.put("d/f", "")
	for fail, want := range map[string]error{"permission": unix.EACCES, "unavailable": unix.EIO} {
		fd, err := unix.Open(m.path("d"), unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			t.Fatal(err)
		}
		m.do(command{Op: "fail", Fail: fail})
		if names, err := getdents(fd, 4096, nil); !errors.Is(err, want) || len(names) > 0 {
			t.Errorf("%s: %q, %v", fail, names, err)
		}
		if _, err := os.Stat(m.path("d/f")); !errors.Is(err, want) {
			t.Errorf("%s: %v", fail, err)
		}
		m.do(command{Op: "fail"})
		if names, err := getdents(fd, 4096, nil); err != nil || !slices.Equal(names, []string{"f"}) {
			t.Errorf("after %s: %q, %v", fail, names, err)
		}
		unix.Close(fd)
	}
}

// Who reads names only is given no inodes for them in the end; who looks at the files
// then has them, and asks the bucket for none.
func TestNamesAlone(t *testing.T) {
	const dirs, files = 250, 100
	m := mount(t, setting{TTL: time.Hour, NegativeTTL: time.Hour})
	for i := range dirs {
		for j := range files {
			m.put(fmt.Sprintf("d/%03d/%03d", i, j), "x")
		}
	}
	walk := func(from, to int, see func(path string)) {
		t.Helper()
		for i := from; i < to; i++ {
			dir := m.path(fmt.Sprintf("d/%03d", i))
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != files {
				t.Fatal(len(entries), err)
			}
			for _, e := range entries {
				see(filepath.Join(dir, e.Name()))
			}
		}
	}
	walk(0, dirs, func(string) {})
	before := m.counts()
	if n := before.Inodes; n < 20_000 || n > 22_000 {
		t.Errorf("%d inodes for %d names that nobody looked at", n, dirs*files)
	}
	walk(220, dirs, func(path string) {
		if fi, err := os.Stat(path); err != nil || fi.Size() != 1 {
			t.Fatal(fi, err)
		}
	})
	after := m.counts()
	if n := after.Inodes - before.Inodes; n != 30*files {
		t.Errorf("%d inodes more for %d files that were looked at", n, 30*files)
	}
	if after.Heads != before.Heads || after.Lists != before.Lists {
		t.Errorf("%d HEADs and %d LISTs for files that are listed", after.Heads-before.Heads, after.Lists-before.Lists)
	}
}

// Of a large directory some names in the middle come without inodes, to show who wants
// them; whoever looks at all has them all.
func TestLargeDirectoryIsProbed(t *testing.T) {
	const files, probe = 10_500, 100
	m := mount(t, setting{TTL: time.Hour, NegativeTTL: time.Hour})
	for i := range files {
		m.put(fmt.Sprintf("d/%05d", i), "x")
	}
	entries, err := os.ReadDir(m.path("d"))
	if err != nil || len(entries) != files {
		t.Fatal(len(entries), err)
	}
	before := m.counts()
	if n := before.Inodes - 1; n != files-probe { // less d itself
		t.Errorf("%d inodes for %d names, want %d", n, files, files-probe)
	}
	for _, e := range entries {
		if fi, err := e.Info(); err != nil || fi.Size() != 1 {
			t.Fatal(fi, err)
		}
	}
	after := m.counts()
	if n := after.Inodes - 1; n != files {
		t.Errorf("%d inodes for %d files that were looked at", n, files)
	}
	if after.Heads != before.Heads || after.Lists != before.Lists {
		t.Error("files that are listed were asked for")
	}
}

// Who reads a directory while it is refreshed goes on with the snapshot, and the kernel
// keeps nothing of it: what is looked at next is asked for.
func TestRefreshWhileReading(t *testing.T) {
	m := mount(t, setting{TTL: -1, NegativeTTL: -1})
	names := fillDir(m, 700)
	fd, err := unix.Open(m.path("d"), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	refreshed := false
	got, err := getdents(fd, 1000, func() {
		if refreshed {
			return
		}
		refreshed = true
		for _, name := range names {
			m.put("d/"+name, "longer")
		}
		if _, err := unix.Getxattr(m.path("d"), "user.zs3fs.refresh", make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	})
	if slices.Sort(got); err != nil || !slices.Equal(got, names) {
		t.Fatalf("%d names of %d, %v", len(got), len(names), err)
	}
	old := 0
	for _, name := range names {
		fi, err := os.Stat(m.path("d/" + name))
		if err != nil {
			t.Fatal(err)
		}
		if fi.Size() != int64(len("longer")) {
			old++
		}
	}
	if old > 0 {
		t.Errorf("%d of %d files are what they were before the refresh", old, len(names))
	}
}
