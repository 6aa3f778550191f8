package blockcache_test

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
)

// What could not be written to the disk is right in memory, and later zeros, without a
// trace in the file's times: once that is known, nobody gets it, neither from a version
// that is open nor from another, nor after a restart.
func TestLossWhileMounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var lost, gone atomic.Bool
		faults := blockcache.Faults{
			Boot: func() string { return "1" },
			Sync: func() error {
				if lost.Swap(false) { // told once
					return unix.EIO
				}
				return nil
			},
			Pread: func(p []byte, off int64, real func() (int, error)) (int, error) {
				n, err := real()
				if gone.Load() && (len(p) == kib || len(p) == 100) { // of the data
					clear(p)
				}
				return n, err
			},
		}
		c := openFaulty(t, config(dir, 1000), faults)
		defer closeCache(t, c)
		src := &source{}
		a, b := codedObject("a", 20*kib), codedObject("b", 20*kib) // more than memory
		fill(t, c, src, a)
		fill(t, c, src, b)
		v := c.Version(a)
		defer v.Close()
		readAll(t, v, src, 100) // verified
		lost.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if lost.Load() {
			t.Error("nobody asked whether it came to the disk")
		}
		readAll(t, v, src, 100) // right still, in the kernel's memory
		gone.Store(true)
		if b, _ := v.Passthrough(t.Context()); b != nil {
			t.Error("the kernel is given what is lost")
			b.Release()
		}
		before := src.requests.Load()
		readAll(t, v, src, 100)
		w := c.Version(b)
		defer w.Close()
		readAll(t, w, src, 100)
		if n := src.requests.Load() - before; n != 40 {
			t.Errorf("%d of 40 lost blocks fetched", n)
		}
	})
}

// A cache that nothing is written to costs no sync.
func TestNoLossIsLookedForWhereNothingIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var syncs atomic.Int64
		c := openFaulty(t, config(t.TempDir(), 1000), blockcache.Faults{
			Sync: func() error { syncs.Add(1); return nil },
		})
		defer closeCache(t, c)
		time.Sleep(time.Hour)
		fill(t, c, &source{}, codedObject("a", 5*kib))
		time.Sleep(time.Hour)
		if n := syncs.Load(); n < 1 || n > 2 {
			t.Errorf("%d syncs", n)
		}
	})
}

// After an end that was not clean, what was written before may be lost without anybody
// having asked: nothing of it counts as verified before the file system has answered.
func TestEndThatWasNotClean(t *testing.T) {
	for _, tc := range []struct {
		name  string
		error error
	}{{"nothing is lost", nil}, {"some is lost", unix.EIO}} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				a, b := codedObject("a", 20*kib), codedObject("b", 20*kib) // more than memory
				endUncleanly(t, dir, a, b)
				answer := make(chan error)
				var gone atomic.Bool
				c := openFaulty(t, config(dir, 1000), blockcache.Faults{
					Boot: func() string { return "1" },
					Sync: func() error { return <-answer },
					Pread: func(p []byte, off int64, real func() (int, error)) (int, error) {
						n, err := real()
						if gone.Load() && (len(p) == kib || len(p) == 100) { // of the data
							clear(p)
						}
						return n, err
					},
				})
				src := &source{}
				v, w := c.Version(a), c.Version(b)
				readAll(t, v, src, 100) // right still, in the kernel's memory
				backing(t, v, false)
				backing(t, w, false)
				if tc.error != nil {
					gone.Store(true)
					readAll(t, v, src, 100)
				}
				answer <- tc.error
				synctest.Wait()
				if tc.error == nil {
					backing(t, v, true).Release() // read before the answer
					backing(t, w, true).Release() // by its seal
				} else {
					backing(t, w, false)
					readAll(t, w, src, 100)
					if n := src.requests.Load(); n != 40 {
						t.Errorf("%d of 40 lost blocks fetched", n)
					}
				}
				v.Close()
				w.Close()
				close(answer)
				closeCache(t, c)
			})
		})
	}
}

// A disk that does not answer whether it has lost something keeps nobody waiting, and is
// asked again by the next session.
func TestEndThatWasNotCleanOnAHungDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		obj := codedObject("a", 5*kib)
		endUncleanly(t, dir, obj)
		answer := make(chan error)
		defer close(answer)
		began := time.Now()
		for range 2 {
			c := openFaulty(t, config(dir, 1000), blockcache.Faults{
				Boot: func() string { return "1" },
				Sync: func() error { return <-answer },
			})
			v := c.Version(obj)
			readAll(t, v, &source{}, 100)
			backing(t, v, false)
			v.Close()
			closeCache(t, c)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("waited %v", took)
		}
	})
}

// endUncleanly leaves a cache as a session does that was killed.
func endUncleanly(t *testing.T, dir string, objects ...s3backend.Object) {
	t.Helper()
	c := openFaulty(t, config(dir, 1000), blockcache.Faults{Boot: func() string { return "1" }})
	for _, obj := range objects {
		fill(t, c, &source{}, obj)
	}
	note := home(t, dir) + "/unsynced"
	if _, err := os.Stat(note); err != nil {
		t.Error("a session that is killed now leaves no note of it")
	}
	closeCache(t, c)
	if _, err := os.Stat(note); err == nil {
		t.Error("a session that ended well leaves a note that it did not")
	}
	if err := errFirst(os.Remove(home(t, dir)+"/clean"), os.WriteFile(note, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// Sessions that end well, and only read, cost no sync. One that wrote costs one, even if
// no version became whole.
func TestSyncsOfSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		obj := codedObject("a", 5*kib)
		var syncs atomic.Int64
		faults := blockcache.Faults{
			Boot: func() string { return "1" },
			Sync: func() error { syncs.Add(1); return nil },
		}
		for i, want := range []int64{1, 0} {
			syncs.Store(0)
			c := openFaulty(t, config(dir, 1000), faults)
			v := c.Version(obj)
			if _, err := readOnce(t.Context(), v, &source{}, make([]byte, kib), 0, kib, func([]byte) error { return nil }); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			v.Close()
			closeCache(t, c)
			if n := syncs.Load(); n != want {
				t.Errorf("session %d: %d syncs, want %d", i, n, want)
			}
		}
	})
}

// The file system tells each who has it open of a loss, and who comes after only if nobody
// was told: another mount, which keeps its blocks on the same disk, was.
func TestLossThatAnotherMountHasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		obj := codedObject("a", 5*kib)
		endUncleanly(t, dir, obj)
		faults := blockcache.Faults{
			Boot: func() string { return "1" },
			Sync: func() error { return unix.EIO },
		}
		other := config(dir, 1000)
		other.Namespace.Bucket = "other"
		c := openFaulty(t, other, faults)
		fill(t, c, &source{}, obj)
		closeCache(t, c)

		faults.Sync = nil
		c = openFaulty(t, config(dir, 1000), faults)
		defer closeCache(t, c)
		synctest.Wait()
		v := c.Version(obj)
		defer v.Close()
		backing(t, v, false)
		readAll(t, v, &source{}, 100)
		backing(t, v, false)
	})
}

// The note of a loss is made on a disk that has no room for it, as on one that was lost
// for want of it.
func TestNoteOfALossOnAFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root mounts file systems")
	}
	dir := t.TempDir()
	if err := unix.Mount("full", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		t.Skip("cannot mount: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	synctest.Test(t, func(t *testing.T) {
		obj := codedObject("a", 5*kib)
		faults := blockcache.Faults{
			Boot: func() string { return "1" },
			Sync: func() error { return unix.EIO },
		}
		c := openFaulty(t, config(dir, 1000), faults)
		fill(t, c, &source{}, obj)
		if err := os.WriteFile(dir+"/others", make([]byte, 2<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		closeCache(t, c)

		faults.Sync = nil // nobody is told twice
		c = openFaulty(t, config(dir, 1000), faults)
		defer closeCache(t, c)
		synctest.Wait()
		v := c.Version(obj)
		defer v.Close()
		backing(t, v, false)
	})
}

// A look that cannot be had for want of a descriptor is made up for.
func TestNoDescriptorToLookForALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var syncs atomic.Int64
		c := openFaulty(t, config(t.TempDir(), 1000), blockcache.Faults{
			Sync: func() error { syncs.Add(1); return nil },
		})
		defer closeCache(t, c)
		fill(t, c, &source{}, codedObject("a", kib)) // one write
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		none := unix.Rlimit{Cur: 3, Max: limit.Max}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
			t.Fatal(err)
		}
		time.Sleep(45 * time.Second)
		synctest.Wait()
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		if n := syncs.Load(); n != 0 {
			t.Fatalf("%d syncs without a descriptor", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := syncs.Load(); n != 1 {
			t.Errorf("%d syncs, want 1", n)
		}
	})
}
