package fusefs_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

func tableEntry(t *testing.T, dir string) *mountinfo.Info {
	t.Helper()
	all, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(dir))
	if err != nil || len(all) != 1 {
		t.Fatalf("%d mounts on %s, %v", len(all), dir, err)
	}
	return all[0]
}

func TestMountTable(t *testing.T) {
	m := mount(t, setting{Prefix: "p/q/", AllowOther: true, ReadAheadKB: 2048, KernelOptions: []string{"noatime", "noexec", "suid", "rw"}})
	e := tableEntry(t, m.dir)
	if e.FSType != "fuse.zs3fs" || e.Source != "s3://bucket/p/q/" {
		t.Errorf("%+v", e)
	}
	options := strings.Split(e.Options+","+e.VFSOptions, ",")
	for _, want := range []string{"ro", "nosuid", "nodev", "noatime", "noexec", "allow_other", "default_permissions"} {
		if !slices.Contains(options, want) {
			t.Errorf("without %s: %q", want, options)
		}
	}
	kb, err := os.ReadFile(fmt.Sprintf("/sys/class/bdi/%d:%d/read_ahead_kb", e.Major, e.Minor))
	if err != nil || string(kb) != "2048\n" {
		t.Errorf("read-ahead %q, %v", kb, err)
	}
}

// The set-uid helper is the way of a user who is not root, and gives the same.
func TestFusermount(t *testing.T) {
	m := mount(t, setting{NoDirectMount: true})
	m.put("f", "data")
	if data, err := os.ReadFile(m.path("f")); err != nil || string(data) != "data" {
		t.Fatalf("%q, %v", data, err)
	}
	e := tableEntry(t, m.dir)
	if e.FSType != "fuse.zs3fs" || !slices.Contains(strings.Split(e.Options, ","), "ro") {
		t.Fatalf("%+v", e)
	}
	f, err := os.Open(m.path("f"))
	if err != nil {
		t.Fatal(err)
	}
	if a := m.do(command{Op: "unmount"}); syscall.Errno(a.Errno) != syscall.EBUSY {
		t.Fatalf("%+v", a)
	}
	f.Close()
	if a := m.do(command{Op: "unmount"}); a.Error != "" {
		t.Fatalf("%+v", a)
	}
}

func TestMountErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{file: "not a directory", file + "-none": "no such file"} {
		if _, a := startDaemon(t, setting{Dir: dir}); !strings.Contains(a.Error, want) {
			t.Errorf("%s: %q", dir, a.Error)
		}
	}
}

// F71.
func TestUnmountBusyAndDetach(t *testing.T) {
	m := mount(t, setting{TTL: time.Minute})
	m.coded("f", 8, 8, 1<<20)
	f, err := os.Open(m.path("f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if a := m.do(command{Op: "unmount"}); syscall.Errno(a.Errno) != syscall.EBUSY {
		t.Fatalf("%+v", a)
	}
	if _, err := os.Stat(m.path("f")); err != nil {
		t.Fatal("the mount does not go on:", err)
	}
	if a := m.do(command{Op: "detach"}); a.Error != "" {
		t.Fatalf("%+v", a)
	}
	if _, err := f.ReadAt(make([]byte, 100000), 500000); err != nil {
		t.Fatal("an open file does not go on:", err)
	}
	if _, err := os.Stat(m.path("f")); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	f.Close()
	if a := m.do(command{Op: "wait"}); a.Error != "" {
		t.Fatalf("%+v", a)
	}
}

func TestUnmountFromOutside(t *testing.T) {
	m := mount(t, setting{})
	if err := unix.Unmount(m.dir, 0); err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{"wait", "unmount", "detach"} {
		if a := m.do(command{Op: op}); a.Error != "" {
			t.Fatalf("%s: %+v", op, a)
		}
	}
}

// Something else that is mounted on the directory meanwhile is not taken away in its stead.
func TestUnmountUnderAnotherMount(t *testing.T) {
	for _, set := range []setting{{}, {NoDirectMount: true}} {
		m := mount(t, set)
		if err := unix.Mount("over", m.dir, "tmpfs", 0, "size=4k"); err != nil {
			t.Fatal(err)
		}
		for _, op := range []string{"unmount", "detach"} {
			if a := m.do(command{Op: op}); syscall.Errno(a.Errno) != syscall.EBUSY {
				t.Errorf("%s: %+v", op, a)
			}
		}
		if err := unix.Unmount(m.dir, 0); err != nil {
			t.Error(err)
		}
		if e := tableEntry(t, m.dir); e.FSType != "fuse.zs3fs" {
			t.Errorf("%+v", e)
		}
		if a := m.do(command{Op: "unmount"}); a.Error != "" {
			t.Errorf("%+v", a)
		}
	}
}

// F84: a request under way ends with an error.
func TestAbort(t *testing.T) {
	m := mount(t, setting{TTL: time.Minute})
	m.coded("f", 8, 8, 4096)
	m.do(command{Op: "gate", Closed: true})
	cmd := startReader(t, m, 3)
	m.until("a reader waits", func(a answer) bool { return a.Waiting == 1 })
	if a := m.do(command{Op: "abort"}); a.Error != "" {
		t.Fatalf("%+v", a)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("an aborted read succeeded")
	}
	if a := m.do(command{Op: "wait"}); a.Error != "" {
		t.Fatalf("%+v", a)
	}
	if _, err := os.Stat(m.path("not in the kernel's cache")); !errors.Is(err, syscall.ENOTCONN) {
		t.Fatal(err)
	}
}

// F73: what is left of a killed daemon is ENOTCONN, and can be mounted over.
func TestKilledDaemon(t *testing.T) {
	m := mount(t, setting{TTL: time.Minute})
	m.coded("f", 8, 8, 4096)
	f, err := os.Open(m.path("f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m.cmd.Process.Kill()
	m.cmd.Wait()
	if _, err := f.ReadAt(make([]byte, 10), 0); !errors.Is(err, syscall.ENOTCONN) {
		t.Fatal(err)
	}
	if err := unix.Unmount(m.dir, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	again := mount(t, setting{Dir: m.dir})
	again.put("g", "x")
	if _, err := os.Stat(again.path("g")); err != nil {
		t.Fatal(err)
	}
}

// F74: a panic is one EIO, and the mount goes on.
func TestPanic(t *testing.T) {
	m := mount(t, setting{})
	m.put("f", "data")
	m.do(command{Op: "fail", Fail: "panic"})
	if _, err := os.Stat(m.path("f")); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	if _, err := os.OpenFile(m.path("f"), os.O_RDONLY|unix.O_DIRECT, 0); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	m.do(command{Op: "fail"})
	if _, err := os.Stat(m.path("f")); err != nil {
		t.Fatal(err)
	}
}

// asOther runs f with another user's rights over files.
func asOther(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	unix.SetfsuidRetUid(65534)
	defer unix.SetfsuidRetUid(0)
	f()
}

func TestOtherUsers(t *testing.T) {
	for _, tt := range []struct {
		set  setting
		want error
	}{
		{setting{AllowOther: true}, nil},
		{setting{AllowRoot: true}, syscall.EACCES},
	} {
		parent, err := os.MkdirTemp("", "fusefs")
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(parent)
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
		tt.set.Dir = filepath.Join(parent, "mnt")
		if err := os.Mkdir(tt.set.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(tt.set.Dir)
		m := mount(t, tt.set)
		defer unix.Unmount(m.dir, unix.MNT_DETACH)
		m.put("f", "data")
		m.do(command{Op: "put", Key: []byte("g"), Size: 10, Class: "DEEP_ARCHIVE"})
		asOther(func() {
			if _, err := os.ReadFile(m.path("f")); !errors.Is(err, tt.want) {
				t.Errorf("%+v: %v", tt.set, err)
			}
			if _, err := os.ReadFile(m.path("g")); !errors.Is(err, syscall.EACCES) {
				t.Errorf("archived: %v", err)
			}
			if _, err := os.ReadDir(m.dir); !errors.Is(err, tt.want) {
				t.Errorf("%+v: %v", tt.set, err)
			}
		})
		if _, err := os.ReadFile(m.path("f")); err != nil {
			t.Errorf("root: %v", err)
		}
	}
}
