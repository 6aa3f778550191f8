//go:build zfsvm

package fstabvm

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// stopLimit is what a stop may take.
const stopLimit = 10 * time.Second

// stop stops the mount unit, in time, and returns its error.
func (u *unit) stop() error {
	u.t.Helper()
	begun := time.Now()
	err := run("systemctl", "stop", u.name("mount"))
	d := time.Since(begun).Round(time.Millisecond)
	u.t.Logf("systemctl stop: %v after %v", err, d)
	if d > stopLimit {
		u.t.Errorf("systemctl stop took %v", d)
	}
	return err
}

// load opens the file n times and reads it until quit is closed.
func (u *unit) load(n int, quit <-chan struct{}) *errgroup.Group {
	u.t.Helper()
	g := new(errgroup.Group)
	for i := range n {
		f, err := os.Open(filepath.Join(u.dir, "file"))
		if err != nil {
			u.t.Fatal(err)
		}
		g.Go(func() error {
			defer f.Close()
			p := make([]byte, 128<<10)
			for off := int64(i) << 20; ; off = (off + int64(len(p))) % (5 << 20) {
				select {
				case <-quit:
					return nil
				default:
				}
				if _, err := f.ReadAt(p, off); err != nil {
					return err
				}
				if err := s3test.CheckCoded(p, off, 1, 1); err != nil {
					return err
				}
			}
		})
	}
	return g
}

// TestFstabStopUnderLoad: a stop of a busy mount ends in time. It fails, as of any
// file system, and nobody notices.
func TestFstabStopUnderLoad(t *testing.T) {
	u := newUnit(t, line{fstype: "zs3fs", dir: "/mnt/load"})
	u.stopUnderLoad(func(err error) bool { return err != nil && u.top() == "fuse.zs3fs" })
}

// TestFstabLazyStopUnderLoad: with LazyUnmount=yes it succeeds, and open files read
// on; the daemon ends with the last.
func TestFstabLazyStopUnderLoad(t *testing.T) {
	u := newUnit(t, line{fstype: "zs3fs", dir: "/mnt/lazy"})
	u.dropIn("[Mount]\nLazyUnmount=yes\n")
	u.stopUnderLoad(func(err error) bool { return err == nil && u.top() == "" && len(u.processes()) > 0 })
}

// stopUnderLoad stops the unit while files are read, and again when they are closed.
func (u *unit) stopUnderLoad(right func(err error) bool) {
	u.t.Helper()
	u.systemctl("start", u.name("mount"))
	quit := make(chan struct{})
	readers := u.load(4, quit)
	if err := u.stop(); !right(err) {
		u.t.Errorf("%v; on top is %q, processes %v", err, u.top(), u.processes())
	}
	close(quit)
	if err := readers.Wait(); err != nil {
		u.t.Errorf("a reader: %v", err)
	}
	if err := u.stop(); err != nil || u.top() != "" {
		u.t.Errorf("idle: %v; on top is %q", err, u.top())
	}
	u.eventually("no process is left", func() bool { return len(u.processes()) == 0 })
}

// TestFstabStopWhileS3Hangs: readers wait for an S3 that does not answer; a stop ends
// in time all the same, and when they are killed it unmounts.
func TestFstabStopWhileS3Hangs(t *testing.T) {
	u := newUnit(t, line{fstype: "fuse.zs3fs", dir: "/mnt/hangs"})
	u.systemctl("start", u.name("mount"))
	stalled := u.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpGet}, Do: s3test.StallBefore()})
	reader := exec.Command("cat", filepath.Join(u.dir, "file"))
	if err := reader.Start(); err != nil {
		t.Fatal(err)
	}
	u.eventually("S3 is asked", func() bool { return stalled.Hits() > 0 })
	if err := u.stop(); err == nil {
		t.Error("a busy mount was unmounted")
	}
	if err := reader.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = reader.Wait() // "signal: killed"
	if err := u.stop(); err != nil || u.top() != "" {
		t.Errorf("idle: %v; on top is %q", err, u.top())
	}
	u.eventually("no process is left", func() bool { return len(u.processes()) == 0 })
}

// dropIn adds to the mount unit what fstab cannot say.
func (u *unit) dropIn(text string) {
	u.t.Helper()
	dir := "/etc/systemd/system/" + u.name("mount") + ".d"
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = os.WriteFile(dir+"/test.conf", []byte(text), 0o644)
	}
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { os.RemoveAll(dir) })
	u.systemctl("daemon-reload")
}
