package e2e_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// shortLived are names and attributes that expire at once, and a server that is given
// up soon.
var shortLived = slices.Concat(hasty, []string{"--metadata-ttl", "1s", "--negative-metadata-ttl", "1s", "--log-level", "info"})

// isEIO reports an error that is EIO and came within the request's time.
func isEIO(t *testing.T, what string, ask func() error) {
	t.Helper()
	start := time.Now()
	if err := ask(); !errors.Is(err, unix.EIO) {
		t.Errorf("%s: %v, want EIO", what, err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("%s took %v", what, took)
	}
}

func (s *stand) status(t *testing.T) string {
	t.Helper()
	code, out := s.zs3fs("status", "--json", s.mnt)
	if code != 0 {
		t.Fatalf("status: exit code %d\n%s", code, out)
	}
	return out
}

// goOffline mounts, has "d/cached" read and "d" listed, and takes the server away for
// longer than that is fresh.
func (s *stand) goOffline(options ...string) (d *daemon, cached, unread file) {
	s.t.Helper()
	cached, unread = s.put("d/cached", 2*mib), s.put("d/unread", mib)
	d = s.mount(slices.Concat(shortLived, options)...)
	if _, err := os.ReadDir(filepath.Join(s.mnt, "d")); err != nil {
		s.t.Fatal(err)
	}
	cached.verify(s.t)
	s.server.Down()
	expired := time.Now().Add(1500 * time.Millisecond)
	eventually(s.t, "what is known has expired", func() bool { return time.Now().After(expired) })
	return d, cached, unread
}

// TestFaultF28Offline: what has expired is served while the server is away, and asked
// for anew when it is back.
func TestFaultF28Offline(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	d, cached, unread := s.goOffline()
	dir := filepath.Join(s.mnt, "d")
	for range 3 {
		names, err := os.ReadDir(dir)
		if err != nil || len(names) != 2 {
			t.Fatalf("listing: %v, %v", names, err)
		}
		cached.verify(t)
		if _, err := os.Stat(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a name that the listing does not have: %v", err)
		}
		var statfs unix.Statfs_t
		if err := unix.Statfs(s.mnt, &statfs); err != nil {
			t.Errorf("statfs: %v", err)
		}
	}
	isEIO(t, "stat of what was never asked for", func() error { return errOf2(os.Stat(filepath.Join(s.mnt, "elsewhere"))) })
	isEIO(t, "listing of what was never listed", func() error { return errOf2(os.ReadDir(s.mnt)) })
	h := unread.open(t, 0)
	isEIO(t, "read of what is not cached", func() error { return unread.readAt(h, 0, 4096) })
	isEIO(t, "open with O_DIRECT", func() error { return errOf2(os.OpenFile(cached.path(), os.O_RDONLY|unix.O_DIRECT, 0)) })
	if status := s.status(t); !strings.Contains(status, `"away_since"`) || !strings.Contains(status, `"source_away":1`) ||
		strings.Contains(status, `"names_expired_total":0`) {
		t.Errorf("status does not tell: %s", status)
	}
	eventually(t, "the log tells that it began", func() bool { return strings.Contains(d.log.String(), "S3 cannot be reached") })

	// The bucket has changed meanwhile.
	next := s.overwrite(cached, 3*mib)
	s.put("d/new", 10)
	if err := s.server.Up(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new names show", func() bool { names, err := os.ReadDir(dir); return err == nil && len(names) == 3 })
	eventually(t, "the new version shows", func() bool { i, err := os.Stat(next.path()); return err == nil && i.Size() == next.size })
	next.verify(t)
	if err := unread.readAt(h, 0, 4096); err != nil {
		t.Errorf("read on the same handle: %v", err)
	}
	if status := s.status(t); strings.Contains(status, `"away_since"`) || !strings.Contains(status, `"source_away":0`) {
		t.Errorf("status does not tell: %s", status)
	}
	eventually(t, "the log tells that it is over", func() bool { return strings.Contains(d.log.String(), "S3 answers again") })
	for _, line := range []string{"S3 cannot be reached", "S3 answers again"} {
		if n := strings.Count(d.log.String(), line); n != 1 {
			t.Errorf("%d lines that %s", n, line)
		}
	}
}

// TestOfflineNotOK: without --offline-ok nothing is served beyond its time.
func TestOfflineNotOK(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	_, cached, _ := s.goOffline("--offline-ok=false")
	isEIO(t, "stat", func() error { return errOf2(os.Stat(cached.path())) })
	isEIO(t, "listing", func() error { return errOf2(os.ReadDir(filepath.Join(s.mnt, "d"))) })
	if err := s.server.Up(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all is well again", func() bool { _, err := os.Stat(cached.path()); return err == nil })
	cached.verify(t)
}

// TestOfflineConsistencyOpen: --consistency=open opens the version that is known.
func TestOfflineConsistencyOpen(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	_, cached, _ := s.goOffline("--consistency=open")
	cached.verify(t)
	isEIO(t, "open with O_DIRECT", func() error { return errOf2(os.OpenFile(cached.path(), os.O_RDONLY|unix.O_DIRECT, 0)) })
}

// TestOfflineUnmount: whoever waits for a server that does not answer can be killed, by
// whatever question, and unmounting needs no server.
func TestOfflineUnmount(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	f := s.put("f", mib)
	d := s.mount(forever...)
	h := f.open(t, 0)
	s.server.Inject(s3test.Fault{Do: s3test.StallBefore()})
	var waiting []*exec.Cmd
	for _, args := range [][]string{
		{"cat", f.path()}, {"stat", filepath.Join(s.mnt, "new")}, {"ls", s.mnt}, {"stat", filepath.Join(s.mnt, "other", "new")},
		{"dd", "if=" + f.path(), "iflag=direct", "of=/dev/null"},
	} {
		cmd := exec.Command(tool(t, args[0], "coreutils"), args[1:]...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, cmd)
	}
	for _, cmd := range waiting {
		eventually(t, cmd.String()+" waits in the kernel", func() bool { return waitsForFuse(cmd.Process.Pid) })
	}
	for _, cmd := range waiting {
		start := time.Now()
		cmd.Process.Kill()
		cmd.Wait() // "signal: killed", always
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s ended %v after its kill", cmd, took)
		}
	}
	h.Close()
	start := time.Now()
	if code := d.unmount(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("unmounting took %v", took)
	}
}

// TestFaultF26LazyConnect: a lazy mount stands without the server, and shows all of the
// bucket when it has come.
func TestFaultF26LazyConnect(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	f := s.put("f", 2*mib)
	s.server.Down()
	s.mount(append(hasty, "--lazy-connect", "--mount-timeout", "3s")...)
	if status := s.status(t); !strings.Contains(status, `"unasked":true`) {
		t.Errorf("status: %s", status)
	}
	isEIO(t, "stat", func() error { return errOf2(os.Stat(f.path())) })
	isEIO(t, "listing", func() error { return errOf2(os.ReadDir(s.mnt)) })
	if status := s.status(t); !strings.Contains(status, `"away_since"`) {
		t.Errorf("status: %s", status)
	}
	if err := s.server.Up(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the file shows", func() bool { _, err := os.Stat(f.path()); return err == nil })
	f.verify(t)
}

// TestLazyConnectAsksNobody: until the first use, though the server is there.
func TestLazyConnectAsksNobody(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	f := s.put("f", mib)
	d := s.mount("--lazy-connect", "--log-level", "info")
	var statfs unix.Statfs_t
	if err := unix.Statfs(s.mnt, &statfs); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.mnt); err != nil {
		t.Error(err)
	}
	if n := s.server.Count(); n != 0 {
		t.Errorf("%d requests before the first use", n)
	}
	f.verify(t)
	if code := d.unmount(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestLazyConnectRefused: what a start would have refused shows at the first use, and
// goes when it is put right.
func TestLazyConnectRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, says string
		options    []string
		fault      s3test.Action
		errno      error
	}{
		{"credentials", "are not accepted", nil, s3test.Fail(403, "SignatureDoesNotMatch"), unix.EACCES},
		{"no bucket", "does not exist", nil, s3test.NoSuchBucket(), unix.EIO},
		{"no versions", "keeps no versions", []string{"--as-of", "1h"}, nil, unix.EIO},
		{"empty prefix", "--require-prefix", []string{"--prefix", "none/", "--require-prefix"}, nil, unix.EIO},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			f := s.put("f", mib)
			if tt.fault != nil {
				s.server.Inject(s3test.Fault{Do: tt.fault})
			}
			d := s.mount(slices.Concat(hasty, []string{"--lazy-connect"}, tt.options)...)
			if _, err := os.Stat(f.path()); !errors.Is(err, tt.errno) {
				t.Errorf("stat: %v, want %v", err, tt.errno)
			}
			eventually(t, "the log says why", func() bool { return strings.Contains(d.log.String(), tt.says) })
			if status := s.status(t); !strings.Contains(status, `"trouble":"`) {
				t.Errorf("status: %s", status)
			}
			if tt.fault == nil {
				return
			}
			s.server.ClearFaults()
			eventually(t, "the file shows", func() bool { _, err := os.Stat(f.path()); return err == nil })
			f.verify(t)
			if status := s.status(t); strings.Contains(status, `"trouble":"`) {
				t.Errorf("status: %s", status)
			}
		})
	}
}

// TestOfflineSoon: with the time-outs that users have, an expired name is served within
// seconds of the server's leaving, and then at once.
func TestOfflineSoon(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	f := s.put("f", mib)
	s.mount("--metadata-ttl", "500ms", "--log-level", "info")
	f.verify(t)
	s.server.Down()
	expired := time.Now().Add(time.Second)
	eventually(t, "what is known has expired", func() bool { return time.Now().After(expired) })
	for i, limit := range []time.Duration{15 * time.Second, time.Second, time.Second} {
		start := time.Now()
		if _, err := os.Stat(f.path()); err != nil {
			t.Errorf("stat: %v", err)
		}
		if took := time.Since(start); took > limit {
			t.Errorf("stat %d took %v", i, took)
		}
		expired := time.Now().Add(1100 * time.Millisecond) // of the kernel's entry
		eventually(t, "the kernel asks again", func() bool { return time.Now().After(expired) })
	}
	f.verify(t)
}

// TestOfflineUnderLoad takes the server away and brings it back while many read, list
// and look: what they get is right or EIO, in bounded time, and all is well afterwards.
func TestOfflineUnderLoad(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	var files []file
	for i := range 40 {
		files = append(files, s.put(fmt.Sprintf("d%d/f%d", i%4, i), int64(100_000+i*50_000)))
	}
	s.mount(slices.Concat(shortLived, []string{"--read-ahead", "0"})...)
	for _, f := range files[:20] {
		f.verify(t)
	}
	var stop atomic.Bool
	var good, bad atomic.Int64
	var group sync.WaitGroup
	for worker := range 16 {
		group.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(worker), 28))
			for !stop.Load() {
				f := files[rnd.IntN(len(files))]
				start := time.Now()
				err := f.touch(rnd)
				if took := time.Since(start); took > 15*time.Second {
					t.Errorf("%s took %v", f.key, took)
				}
				switch {
				case err == nil:
					good.Add(1)
				case errors.Is(err, unix.EIO):
					bad.Add(1)
				default:
					t.Errorf("%s: %v", f.key, err)
				}
			}
		})
	}
	defer group.Wait()
	defer stop.Store(true)
	for range soak(t, 2) {
		s.server.Down()
		leave := time.Now().Add(4 * time.Second)
		eventually(t, "the outage shows", func() bool {
			return time.Now().After(leave) && strings.Contains(s.status(t), `"source_away":1`)
		})
		if err := s.server.Up(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is over", func() bool { return strings.Contains(s.status(t), `"source_away":0`) })
	}
	stop.Store(true)
	group.Wait()
	t.Logf("%d right, %d EIO", good.Load(), bad.Load())
	for _, f := range files {
		f.verify(t)
	}
}

// touch stats, lists or reads.
func (f file) touch(rnd *rand.Rand) error {
	switch rnd.IntN(3) {
	case 0:
		i, err := os.Stat(f.path())
		if err == nil && i.Size() != f.size {
			return fmt.Errorf("size %d", i.Size())
		}
		return err
	case 1:
		names, err := os.ReadDir(filepath.Dir(f.path()))
		if err == nil && len(names) != 10 {
			return fmt.Errorf("%d names", len(names))
		}
		return err
	}
	h, err := os.Open(f.path())
	if err != nil {
		return err
	}
	defer h.Close()
	return f.readAt(h, rnd.Int64N(f.size), 4096)
}

// TestLazyConnectOffline: a lazy mount serves what an earlier one has cached, names and
// bytes, while the server is away; and the bucket's present when it is back.
func TestLazyConnectOffline(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	d, cached, unread := s.goOffline()
	d.unmount()
	s.mount("--lazy-connect", "--log-level", "info", "--metadata-ttl", "1s")
	start := time.Now()
	if names, err := os.ReadDir(filepath.Join(s.mnt, "d")); err != nil || len(names) != 2 {
		t.Fatalf("listing: %v, %v", names, err)
	}
	// Each of the path's names is asked for, the first for the seconds that it takes to
	// find the server away.
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("the listing took %v", took)
	}
	cached.verify(t)
	if i, err := os.Stat(unread.path()); err != nil || i.Size() != unread.size {
		t.Errorf("stat: %v", err)
	}
	if status := s.status(t); !strings.Contains(status, `"away_since"`) || strings.Contains(status, `"unasked":true`) {
		t.Errorf("status: %s", status)
	}
	next := s.overwrite(cached, 3*mib)
	if err := s.server.Up(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new version shows", func() bool { i, err := os.Stat(next.path()); return err == nil && i.Size() == next.size })
	next.verify(t)
	unread.verify(t)
}
