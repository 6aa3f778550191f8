//go:build zfsvm

package fstabvm

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

const (
	fstab = "/etc/fstab"
	// patience is how long anything may take that is expected to happen: the
	// machine is emulated, and starting a program takes 0.1 s.
	patience = 3 * time.Minute
	fileSize = 5<<20 + 7
)

// line is one of fstab.
type line struct {
	fstype    string
	dir       string
	automount bool
	dataset   string // that the cache has for itself; "" for a directory of the common one
	options   string // more of them, with a comma in front
}

// text is the line.
func (l line) text(endpoint string) string {
	cache, mountpoint := "cache_dir="+dataset+"/"+filepath.Base(l.dir), dataset
	if l.dataset != "" {
		cache, mountpoint = "zfs_dataset="+l.dataset, "/"+l.dataset
	}
	options := "ro,_netdev,nofail,allow_other," + cache + ",x-systemd.requires-mounts-for=" + mountpoint + ",x-systemd.after=zfs-mount.service"
	if l.automount {
		options += ",x-systemd.automount,x-systemd.idle-timeout=5s"
	}
	return fmt.Sprintf("s3://bucket %s %s %s,endpoint_url=%s,env.AWS_EC2_METADATA_DISABLED=true,env.AWS_SHARED_CREDENTIALS_FILE=%s%s 0 0\n",
		l.dir, l.fstype, options, endpoint, credentials, l.options)
}

// unit is a line of fstab with the units that systemd makes of it, and a bucket
// with a server.
type unit struct {
	t *testing.T
	line
	server *s3test.Server
	mem    *s3test.Mem
}

// newServer serves one file; addr is empty for any.
func newServer(t *testing.T, addr string) (*s3test.Server, *s3test.Mem) {
	t.Helper()
	mem := s3test.NewMem()
	mem.Put("file", s3test.Coded(1, 1, fileSize))
	server, err := s3test.NewServer(mem, s3test.ServerConfig{Addr: addr, AccessKey: accessKey, SecretKey: secretKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server, mem
}

// newUnit adds the line and lets systemd do what it does with it at boot. All of it
// is taken away when the test ends, and then nothing may be left.
func newUnit(t *testing.T, l line) *unit {
	t.Helper()
	u := &unit{t: t, line: l}
	u.server, u.mem = newServer(t, "")
	before, err := os.ReadFile(fstab)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(fstab, append(before, l.text(u.server.URL())...), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := output("journalctl", "-b", "--no-pager", "-n", "80", "-o", "short-monotonic")
			t.Logf("journal:\n%s", log)
		}
		if l.automount {
			u.systemctl("stop", u.name("automount"))
		}
		u.systemctl("stop", u.name("mount"))
		u.eventually("nothing is mounted and no process is left", func() bool {
			return u.top() == "" && len(u.processes()) == 0
		})
		if err := os.WriteFile(fstab, before, 0o644); err != nil {
			t.Error(err)
		}
		u.systemctl("daemon-reload")
	})
	u.systemctl("daemon-reload")
	if l.automount {
		u.systemctl("start", u.name("automount"))
	}
	return u
}

// name of one of the units; directories of tests have no characters to escape.
func (u *unit) name(kind string) string {
	return strings.ReplaceAll(strings.Trim(u.dir, "/"), "/", "-") + "." + kind
}

// systemctl must succeed.
func (u *unit) systemctl(args ...string) {
	u.t.Helper()
	if err := run("systemctl", args...); err != nil {
		u.t.Error(err)
	}
}

// property of one of the units.
func (u *unit) property(kind, name string) string {
	u.t.Helper()
	value, err := output("systemctl", "show", "-P", name, u.name(kind))
	if err != nil {
		u.t.Error(err)
	}
	return value
}

// top is the type of the topmost mount on the directory, "" without one. It does not
// touch the directory.
func (u *unit) top() string { return topOf(u.t, u.dir) }

func topOf(t *testing.T, dir string) string {
	t.Helper()
	mounts, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) { return m.Mountpoint != dir, false })
	if err != nil {
		t.Fatal(err)
	}
	if len(mounts) == 0 {
		return ""
	}
	return mounts[len(mounts)-1].FSType
}

// processes are the daemon and the keeper.
func (u *unit) processes() []int {
	return append(u.find("zs3fs\x00mount\x00"), u.find("zs3fs-keeper\x00")...)
}

// find returns the processes of the directory whose arguments begin so.
func (u *unit) find(args string) (pids []int) {
	u.t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		u.t.Fatal(err)
	}
	for _, name := range names {
		text, _ := os.ReadFile(name) // it may have ended
		if !bytes.HasPrefix(text, []byte(args)) || !bytes.Contains(text, []byte("\x00"+u.dir+"\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			u.t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// daemon is the one process that serves the mount.
func (u *unit) daemon() int {
	u.t.Helper()
	pids := u.find("zs3fs\x00mount\x00")
	if len(pids) != 1 {
		u.t.Fatalf("daemons: %v", pids)
	}
	return pids[0]
}

// read reads the file through the mount and checks it.
func (u *unit) read() error {
	data, err := os.ReadFile(filepath.Join(u.dir, "file"))
	if err != nil {
		return err
	}
	if len(data) != fileSize {
		return fmt.Errorf("%d bytes of %d", len(data), fileSize)
	}
	return s3test.CheckCoded(data, 0, 1, 1)
}

// mustRead is a read that succeeds; it returns how long it took.
func (u *unit) mustRead() time.Duration {
	u.t.Helper()
	begun := time.Now()
	if err := u.read(); err != nil {
		u.t.Fatal(err)
	}
	return time.Since(begun).Round(time.Millisecond)
}

// gets is the number of requests for the file's bytes.
func (u *unit) gets() int { return u.server.Count(s3test.OpGet) }

// eventually waits until ok holds; what other processes do sends no event.
func (u *unit) eventually(what string, ok func() bool) time.Duration {
	return eventually(u.t, what, ok)
}

func eventually(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	begun := time.Now()
	for ; !ok(); <-tick.C {
		if time.Since(begun) > patience {
			t.Fatalf("did not come to pass: %s", what)
		}
	}
	return time.Since(begun).Round(time.Millisecond)
}
