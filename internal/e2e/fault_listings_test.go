package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// TestFaultF34BrokenListings: rows F33 and F34. A page that is no listing, or cannot
// be what it says, fails the directory with EIO: it is never shown short, with other
// names or for empty, nor is a name in it absent. When the server is right again, so is
// the directory.
func TestFaultF34BrokenListings(t *testing.T) {
	s := newStandWith(t, s3test.ServerConfig{PageSize: 7})
	var want []string
	for i := range 30 {
		name := fmt.Sprintf("%02d control \x01 and nl \n", i)
		want = append(want, name)
		s.put("d/"+name, 10)
	}
	// Nothing is kept, so that each look is another question.
	s.mount(append(hasty, "--retries", "2", "--metadata-ttl", "0", "--negative-metadata-ttl", "0", "--offline-ok=false", "--log-level", "info")...)
	for _, tt := range []struct {
		name string
		do   s3test.Action
	}{
		{"broken XML", s3test.BrokenXML()},
		{"another document", s3test.WrongDocument()},
		{"control characters in XML", s3test.NotEncoded()},
		{"more than 10 MB", s3test.HugePage(11_000)},
		{"no token", s3test.TruncatedNoToken()},
		{"the same token", s3test.SameToken()},
		{"the token expires", s3test.TokenExpired()},
	} {
		for _, page := range []int{1, 2} {
			if page == 1 && tt.name == "the token expires" {
				continue // which is about pages that are asked for by one
			}
			match := s3test.Match{Op: s3test.OpList, Key: "d/", Where: func(r s3test.Request) bool {
				return r.Query.Get("max-keys") != "1" && (page == 1 || r.Query.Has("continuation-token"))
			}}
			fault := s.server.Inject(s3test.Fault{Match: match, Do: tt.do})
			names, err := readNames(filepath.Join(s.mnt, "d"))
			if !errors.Is(err, unix.EIO) || !subset(names, want) {
				t.Errorf("%s, page %d: %d names, %v, want EIO", tt.name, page, len(names), err)
			}
			if fault.Hits() == 0 {
				t.Errorf("%s, page %d: nobody met it", tt.name, page)
			}
			fault.Remove()
			if names, err := readNames(filepath.Join(s.mnt, "d")); err != nil || !slices.Equal(names, want) {
				t.Errorf("after %s: %d names, %v", tt.name, len(names), err)
			}
		}
	}
	// Twice in a page is once in the directory.
	s.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpList}, Do: s3test.RepeatEntries()})
	if names, err := readNames(filepath.Join(s.mnt, "d")); err != nil || !slices.Equal(names, want) {
		t.Errorf("each entry twice: %d names, %v", len(names), err)
	}
}

// readNames returns the names of a directory in its order, and those before an error.
func readNames(dir string) (names []string, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// TestFaultF69ForgetStorm: the kernel forgets all names again and again while they
// are listed and looked at and files are read. What is read is right, nothing hangs,
// and what was forgotten is gone from the daemon.
func TestFaultF69ForgetStorm(t *testing.T) {
	names := 20_000
	if soak(t, 1) > 1 {
		names = 1_000_000
	}
	s := newStand(t)
	for i := range names {
		s.bucket.Put(fmt.Sprintf("d/%03d/%06d", i%200, i), s3test.Bytes([]byte{1}))
	}
	f := s.put("f", 8*mib)
	s.mount("--log-level", "info", "--metadata-ttl", "600", "--runtime-dir", filepath.Join(s.dir, "run"), "--passthrough=false")
	reading := f.job("loop").start(t)
	h := f.open(t, 0)
	for range 4 {
		found := make(chan int, 1)
		go func() {
			n, _ := s.lines(t, "d", "find", ".", "-type", "f", "-size", "+0")
			found <- n
		}()
		for looking := true; looking; {
			select {
			case n := <-found:
				if looking = false; n != names {
					t.Errorf("find found %d of %d names", n, names)
				}
			default:
				s.forgetAll(t)
			}
		}
		if err := f.readAt(h, 5*mib, 4096); err != nil {
			t.Errorf("an open file: %v", err)
		}
	}
	reading.stop(t)
	s.forgetAll(t)
	eventually(t, "the daemon holds no inodes but those in use", func() bool {
		s.forgetAll(t)
		return s.kernelInodes(t) < 100
	})
	f.verify(t)
}

// forgetAll has the kernel forget the names and inodes of the mount that it can spare.
func (s *stand) forgetAll(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 && os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0) == nil {
		return
	}
	// Others cannot but have the daemon tell it.
	if code, out := s.zs3fs("refresh", s.mnt); code != 0 {
		t.Errorf("refresh: %d %s", code, out)
	}
}

// kernelInodes returns how many inodes the kernel holds, by the daemon's account.
func (s *stand) kernelInodes(t *testing.T) int {
	t.Helper()
	var all struct{ Values map[string]int }
	err := json.Unmarshal([]byte(s.status(t)), &all)
	n, ok := all.Values["kernel_inodes"]
	if err != nil || !ok {
		t.Fatalf("status does not tell kernel_inodes: %v", err)
	}
	return n
}

// TestFaultF81ReaddirInterrupted: signals neither fail a listing nor make it lose or
// repeat a name, and one that is left and sought again goes on as it was.
func TestFaultF81ReaddirInterrupted(t *testing.T) {
	s := newStandWith(t, s3test.ServerConfig{PageSize: 100, Latency: 10 * time.Millisecond})
	for i := range 5000 {
		s.bucket.Put(fmt.Sprintf("d/%05d", i), s3test.Bytes(nil))
	}
	s.mount("--log-level", "info", "--metadata-ttl", "minimal", "--list-ahead", "off")
	r := job{Mode: "list stormed", Path: filepath.Join(s.mnt, "d"), Count: 5000}.start(t)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	sent := 0
	for reading := true; reading; {
		select {
		case <-r.ended:
			reading = false
		case <-tick.C:
			if ready(r.cmd.Process.Pid) {
				r.cmd.Process.Signal(unix.SIGALRM) // fails when it has just ended
				r.cmd.Process.Signal(unix.SIGUSR1)
				sent++
			}
		}
	}
	if v, err := r.verdict(); err != nil || v.Error != "" {
		t.Errorf("%v %s", err, v.Error)
	}
	if sent < 10 {
		t.Errorf("%d signals: this test proves little", sent)
	}
}

// TestFaultF36OnlyMarkers: a directory that holds nothing but markers, over many pages,
// is a directory of empty directories.
func TestFaultF36OnlyMarkers(t *testing.T) {
	s := newStandWith(t, s3test.ServerConfig{PageSize: 100})
	var want []string
	for i := range 2500 {
		want = append(want, fmt.Sprintf("%04d", i))
		s.bucket.Put("d/"+want[i]+"/", s3test.Bytes(nil))
	}
	s.mount("--log-level", "info")
	if got := s.names(t, "d"); !slices.Equal(got, want) {
		t.Errorf("%d names, want %d", len(got), len(want))
	}
	for _, dir := range []string{"d/0000", "d/1234", "d/2499"} {
		if got := s.names(t, dir); len(got) > 0 {
			t.Errorf("names in %s: %q", dir, got)
		}
	}
}
