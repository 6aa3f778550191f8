package blockcache_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/blockcache"
)

func TestSecondCacheIsRefused(t *testing.T) {
	cfg := config(t.TempDir(), 10)
	c := open(t, cfg)
	_, err := blockcache.Open(cfg)
	var locked *blockcache.LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() || locked.Owner != "/mnt/test" {
		t.Fatalf("%#v", err)
	}
	if !strings.Contains(err.Error(), "/mnt/test") {
		t.Errorf("message: %v", err)
	}
	other := cfg
	other.Namespace.Bucket = "other"
	closeCache(t, open(t, other)) // another mount beside it is fine
	closeCache(t, c)
	closeCache(t, open(t, cfg))
}

// Who clears a cache by hand may remove the lock from under its holder.
func TestSecondCacheIsRefusedWithoutALockFile(t *testing.T) {
	cfg := config(t.TempDir(), 10)
	c := open(t, cfg)
	if err := os.Remove(filepath.Join(home(t, cfg.Dir), "lock")); err != nil {
		t.Fatal(err)
	}
	_, err := blockcache.Open(cfg)
	var locked *blockcache.LockedError
	if !errors.As(err, &locked) || !strings.Contains(err.Error(), "another process") {
		t.Fatalf("%#v", err)
	}
	closeCache(t, c)
	closeCache(t, open(t, cfg))
}

// lockHolder is run in a process of its own by TestKilledHolderLeavesNoLock.
const lockHolder = "BLOCKCACHE_TEST_LOCK_HOLDER"

func TestKilledHolderLeavesNoLock(t *testing.T) {
	if dir := os.Getenv(lockHolder); dir != "" {
		open(t, config(dir, 10))
		os.Stdout.WriteString("locked\n")
		select {}
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledHolderLeavesNoLock$")
	cmd.Env = append(os.Environ(), lockHolder+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatalf("%q, %v", line, err)
	}
	var locked *blockcache.LockedError
	if _, err := blockcache.Open(config(dir, 10)); !errors.As(err, &locked) || locked.PID != cmd.Process.Pid {
		t.Fatalf("%#v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // says that it was killed
	closeCache(t, open(t, config(dir, 10)))
}

// F65, F54.
func TestUnsafeDirectories(t *testing.T) {
	type dirs struct{ base, cache string }
	for _, tc := range []struct {
		name  string
		make  func(d dirs) error
		wants bool // an UnsafeError
	}{
		{"missing", func(d dirs) error { return nil }, false},
		{"ours and private", func(d dirs) error { return os.Mkdir(d.cache, 0o700) }, false},
		{"empty and open to all", func(d dirs) error { return mkdirMode(d.cache, 0o777) }, false},
		{"used and open to all", func(d dirs) error {
			return errFirst(mkdirMode(d.cache, 0o777), os.WriteFile(d.cache+"/x", nil, 0o600))
		}, true},
		{"used and readable by all", func(d dirs) error {
			return errFirst(mkdirMode(d.cache, 0o755), os.WriteFile(d.cache+"/x", nil, 0o600))
		}, false},
		{"symbolic link", func(d dirs) error {
			return errFirst(os.Mkdir(d.base+"/else", 0o700), os.Symlink(d.base+"/else", d.cache))
		}, true},
		{"parent open to all", func(d dirs) error { return os.Chmod(d.base, 0o777) }, true},
		{"parent open to all but sticky", func(d dirs) error { return os.Chmod(d.base, 0o777|os.ModeSticky) }, false},
		{"mount's directory open to others", func(d dirs) error {
			return errFirst(makeHome(d.cache), os.Chmod(mustHome(d.cache), 0o750))
		}, true},
		{"mount's directory a link", func(d dirs) error {
			return errFirst(makeHome(d.cache), os.Rename(mustHome(d.cache), d.base+"/moved"),
				os.Symlink(d.base+"/moved", mustName(d)))
		}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := dirs{base: filepath.Join(t.TempDir(), "base")}
			d.cache = d.base + "/cache"
			if err := errFirst(os.Mkdir(d.base, 0o700), tc.make(d)); err != nil {
				t.Fatal(err)
			}
			c, err := blockcache.Open(config(d.cache, 10))
			var unsafe *blockcache.UnsafeError
			if errors.As(err, &unsafe) != tc.wants || err == nil == tc.wants {
				t.Fatalf("error %v", err)
			}
			if c == nil {
				return
			}
			closeCache(t, c)
			if st, err := os.Stat(mustHome(d.cache)); err != nil || st.Mode().Perm() != 0o700 {
				t.Fatalf("%v, %v", st.Mode(), err)
			}
		})
	}
}

func TestForeignOwnerIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	var unsafe *blockcache.UnsafeError
	if _, err := blockcache.Open(config(dir, 10)); !errors.As(err, &unsafe) {
		t.Fatalf("%v", err)
	}
}

func mkdirMode(path string, mode os.FileMode) error {
	return errFirst(os.Mkdir(path, 0o700), os.Chmod(path, mode)) // whatever the umask
}

func makeHome(cache string) error {
	c, err := blockcache.Open(config(cache, 10))
	if err != nil {
		return err
	}
	return c.Close()
}

func mustHome(cache string) string {
	found, _ := filepath.Glob(cache + "/bucket-*") // the pattern is well formed
	if len(found) == 0 {
		return cache + "/none"
	}
	return found[0]
}

// mustName returns the name that the mount's directory had before it was moved.
func mustName(d struct{ base, cache string }) string {
	other := d.base + "/other"
	if makeHome(other) != nil {
		return other
	}
	return d.cache + "/" + filepath.Base(mustHome(other))
}

// F53, F59: whatever lies in the mount's directory, opening works; a newer
// format is left alone.
func TestWhatLiesInTheDirectory(t *testing.T) {
	for name, put := range map[string]func(home string) error{
		"no format":      func(h string) error { return os.Remove(h + "/format.json") },
		"format garbage": func(h string) error { return os.WriteFile(h+"/format.json", []byte("{{{"), 0o600) },
		"format directory": func(h string) error {
			return errFirst(os.Remove(h+"/format.json"), os.MkdirAll(h+"/format.json/x", 0o700))
		},
		"left over temp": func(h string) error {
			return errFirst(os.Remove(h+"/format.json"), os.WriteFile(h+"/format.json.new", nil, 0o600))
		},
		"lock directory": func(h string) error { return errFirst(os.Remove(h+"/lock"), os.Mkdir(h+"/lock", 0o700)) },
		"lock link":      func(h string) error { return errFirst(os.Remove(h+"/lock"), os.Symlink("/dev/zero", h+"/lock")) },
		"objects file": func(h string) error {
			return errFirst(os.RemoveAll(h+"/objects"), os.WriteFile(h+"/objects", nil, 0o600))
		},
		"objects link": func(h string) error {
			return errFirst(os.RemoveAll(h+"/objects"), os.Symlink(t.TempDir(), h+"/objects"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			obj := codedObject("a", 3*kib)
			seeded(t, dir, obj)
			if err := put(home(t, dir)); err != nil {
				t.Fatal(err)
			}
			reread(t, dir, obj, kib)
			seeded(t, dir, obj)
			if fetched, _ := reread(t, dir, obj, kib); fetched != 0 {
				t.Fatalf("%d blocks fetched after the repair", fetched)
			}
			left, err := os.ReadDir(home(t, dir))
			if err != nil || len(left) != 5 { // clean, format.json, lock, objects, order
				t.Fatalf("left: %v, %v", left, err)
			}
		})
	}
	dir := t.TempDir()
	obj := codedObject("a", 3*kib)
	seeded(t, dir, obj)
	path := home(t, dir) + "/format.json"
	rewrite(t, path, blockcache.FormatJSON(99))
	var format *blockcache.FormatError
	if _, err := blockcache.Open(config(dir, 10)); !errors.As(err, &format) || format.Version != 99 {
		t.Fatalf("newer format: %v", err)
	}
	if data, maps := files(t, dir); len(data) != 1 || len(maps) != 1 {
		t.Fatal("a newer format was not left alone")
	}
}

func TestOtherBlockSizeStartsAnew(t *testing.T) {
	dir := t.TempDir()
	obj := codedObject("a", 10*kib)
	seeded(t, dir, obj)
	cfg := config(dir, 1000)
	cfg.BlockSize = 2 * kib
	cfg.Memory = blockcache.NewMemory(0, 2*kib)
	c := open(t, cfg)
	v := c.Version(obj)
	src := &source{}
	readAll(t, v, src, 2*kib)
	if src.requests.Load() != 5 {
		t.Errorf("%d requests", src.requests.Load())
	}
	v.Close()
	closeCache(t, c)
}

func TestFilesAreOursAlone(t *testing.T) {
	dir := t.TempDir()
	seeded(t, dir, codedObject("secret/key", 3*kib))
	err := filepath.Walk(home(t, dir), func(path string, st os.FileInfo, err error) error {
		if err == nil && st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, st.Mode())
		}
		if strings.Contains(path, "secret") {
			t.Errorf("%s tells the key", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
