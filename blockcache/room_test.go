package blockcache_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/zs3fs/zs3fs/blockcache"
)

// A room's files are plain and ours, whatever lies under their names.
func TestRoom(t *testing.T) {
	base := t.TempDir()
	c, err := blockcache.Open(config(base+"/cache", 10))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	home := mustHome(base + "/cache")
	outside := base + "/outside"
	if err := os.WriteFile(outside, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	// A link in the room's own place is not followed.
	if err := os.Symlink(base, home+"/names"); err != nil {
		t.Fatal(err)
	}
	room, err := c.OpenRoom("names")
	if err != nil {
		t.Fatal(err)
	}
	defer room.Close()
	for what, put := range map[string]func(path string) error{
		"nothing":       func(string) error { return nil },
		"symbolic link": func(path string) error { return os.Symlink(outside, path) },
		"hard link":     func(path string) error { return os.Link(outside, path) },
		"directory":     func(path string) error { return os.MkdirAll(filepath.Join(path, "full"), 0o700) },
		"FIFO":          func(path string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		for _, name := range []string{"log", "other"} {
			if err := put(filepath.Join(home, "names", name)); err != nil {
				t.Fatal(err)
			}
		}
		if f, err := room.Open("log"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: opened: %v, %v", what, f, err)
		}
		f, err := room.Create("log")
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if _, err := f.WriteAt([]byte("ours"), 0); err != nil {
			t.Error(err)
		}
		if st, err := f.Stat(); err != nil || st.Mode() != 0o600 {
			t.Error(st, err)
		}
		f.Close()
		if err := room.Rename("log", "other"); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if f, err = room.Open("other"); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		text := make([]byte, 4)
		if _, err := f.ReadAt(text, 0); err != nil || string(text) != "ours" {
			t.Errorf("%s: %q, %v", what, text, err)
		}
		f.Close()
		for range 2 {
			if err := errFirst(room.Remove("other"), room.Sync()); err != nil {
				t.Error(err)
			}
		}
	}
	if text, err := os.ReadFile(outside); err != nil || string(text) != "precious" {
		t.Errorf("%q, %v", text, err)
	}
	if free, err := room.Room(); err != nil || free <= 0 {
		t.Error(free, err)
	}
	c.SetBudget(1<<20, 1<<60)
	if free, err := room.Room(); err != nil || free != 0 {
		t.Errorf("%d bytes of what is to be left free, %v", free, err)
	}
}

func TestRoomOpenToOthers(t *testing.T) {
	dir := t.TempDir() + "/cache"
	c, err := blockcache.Open(config(dir, 10))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := mkdirMode(filepath.Join(mustHome(dir), "names"), 0o755); err != nil {
		t.Fatal(err)
	}
	var unsafe *blockcache.UnsafeError
	if _, err := c.OpenRoom("names"); !errors.As(err, &unsafe) {
		t.Errorf("%v", err)
	}
	memory, _ := memoryOnly(t, 4)
	if room, err := memory.OpenRoom("names"); room != nil || err != nil {
		t.Errorf("a cache that keeps nothing has a room: %v, %v", room, err)
	}
}
