package blockcache_test

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minio/crc64nvme"
	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// backing opens the version's data for the kernel, which must be possible or not.
func backing(t testing.TB, v *blockcache.Version, want bool) *blockcache.Backing {
	t.Helper()
	b, err := v.Passthrough(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if (b != nil) != want {
		t.Fatalf("can be passed through: %v, want %v", b != nil, want)
	}
	return b
}

// readBacking compares what the kernel would read with the object.
func readBacking(t testing.TB, b *blockcache.Backing, size int64) {
	t.Helper()
	p := make([]byte, size+1)
	n, err := unix.Pread(b.Fd(), p, 0)
	if err != nil || int64(n) != size {
		t.Fatalf("read %d of %d, %v", n, size, err)
	}
	check(t, p[:n], 0)
}

func TestCompleteVersionPassesThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, config(t.TempDir(), 1000))
		obj := codedObject("a", 5*kib+9)
		v := c.Version(obj)
		var events []blockcache.Event
		v.Watch("me", func(e blockcache.Event) { events = append(events, e) })
		for i := range int64(6) {
			if len(events) > 0 {
				t.Fatalf("%v with %d of 6 blocks", events, i)
			}
			backing(t, v, false)
			fetch(t, v, &source{}, i, 1, true)
			synctest.Wait()
		}
		if len(events) != 1 || events[0] != blockcache.Ready {
			t.Fatalf("told: %v", events)
		}
		b, other := backing(t, v, true), backing(t, v, true)
		if b.File() != other.File() {
			t.Error("one file has two numbers")
		}
		readBacking(t, b, obj.Size)
		b.Release()
		other.Release()
		v.Close()
		closeCache(t, c)
	})
}

// restart says how a cache is opened again, and whether its seals are then to be
// believed without a look at the blocks.
type restart struct {
	name   string
	verify blockcache.Verify
	boot   string
	unsafe bool // the first session did not end cleanly
	lost   bool // not all of it could be written to the disk
	zfs    bool
	touch  func(path string) error // what happens to the data file in between
	want   bool
}

func TestSealsAreBelieved(t *testing.T) {
	copied := func(path string) error { // as cp -a of the whole cache
		raw, err := os.ReadFile(path)
		return errFirst(err, os.WriteFile(path+".new", raw, 0o600), os.Rename(path+".new", path))
	}
	forged := func(path string) error { // flipped, and the time put back
		st, err := os.Stat(path)
		return errFirst(err, flip(path), os.Chtimes(path, st.ModTime(), st.ModTime()))
	}
	for _, tc := range []restart{
		{name: "same boot", boot: "1", unsafe: true, want: true},
		{name: "clean stop", boot: "2", want: true},
		{name: "power cut", boot: "2", unsafe: true, want: false},
		{name: "lost on its way to the disk", boot: "1", lost: true, want: false},
		{name: "power cut on ZFS", boot: "2", unsafe: true, zfs: true, want: true},
		{name: "power cut, never verify", boot: "2", unsafe: true, verify: blockcache.VerifyNever, want: true},
		{name: "always verify", boot: "1", verify: blockcache.VerifyAlways, want: false},
		{name: "copied", boot: "1", touch: copied, want: false},
		{name: "copied on ZFS", boot: "1", zfs: true, touch: copied, want: false},
		{name: "changed", boot: "1", touch: forged, want: false},
		{name: "changed, never verify", boot: "1", verify: blockcache.VerifyNever, touch: forged, want: false},
	} {
		t.Run(tc.name, func(t *testing.T) { synctest.Test(t, tc.run) })
	}
}

func (tc restart) run(t *testing.T) {
	dir := t.TempDir()
	obj := codedObject("a", 5*kib+9)
	faults := blockcache.Faults{Boot: func() string { return "1" }, ZFS: tc.zfs}
	if tc.lost {
		faults.Sync = func() error { return unix.EIO }
	}
	c := openFaulty(t, config(dir, 1000), faults)
	fill(t, c, &source{}, obj)
	closeCache(t, c)
	if tc.unsafe {
		if err := os.Remove(home(t, dir) + "/clean"); err != nil && !tc.zfs {
			t.Fatal(err)
		}
	}
	if tc.touch != nil {
		data, _ := files(t, dir)
		if err := tc.touch(data[0]); err != nil {
			t.Fatal(err)
		}
	}
	cfg := config(dir, 1000)
	cfg.Verify = tc.verify
	var read atomic.Int64
	faults.Boot, faults.Sync = func() string { return tc.boot }, nil
	faults.Pread = func(p []byte, off int64, real func() (int, error)) (int, error) {
		if len(p) >= 9 && len(p) <= kib && off%kib == 0 && off > 0 { // a block, not of the map
			read.Add(1)
		}
		return real()
	}
	c = openFaulty(t, cfg, faults)
	v := c.Version(obj)
	defer closeCache(t, c)
	defer v.Close()
	if b := backing(t, v, tc.want); b != nil {
		if read.Load() != 0 {
			t.Errorf("%d blocks read to open it", read.Load())
		}
		readBacking(t, b, obj.Size)
		b.Release()
		return
	}
	// Once all has been read and verified, or fetched again, it is believed.
	fill(t, c, &source{}, obj)
	synctest.Wait()
	if tc.lost { // and as easily lost again
		backing(t, v, false)
		return
	}
	b := backing(t, v, true)
	readBacking(t, b, obj.Size)
	b.Release()
}

// What is lost on its way to the disk is right as long as the kernel has it in memory,
// and is not to be believed for that.
func TestLostOnItsWayToTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		obj := codedObject("a", 5*kib+9)
		now := "1"
		boot := func() string { return now }
		c := openFaulty(t, config(dir, 1000), blockcache.Faults{Boot: boot, Sync: func() error { return unix.EIO }})
		fill(t, c, &source{}, obj)
		closeCache(t, c)

		var gone atomic.Bool // from memory
		faults := blockcache.Faults{Boot: boot, Pread: func(p []byte, off int64, real func() (int, error)) (int, error) {
			n, err := real()
			if gone.Load() && (len(p) == kib && off%kib == 0 || len(p) == 9 || len(p) == 100) { // of the data
				clear(p)
			}
			return n, err
		}}
		for _, restart := range []string{"after it", "after one that ended well", "when the note of it is lost, too"} {
			if restart == "when the note of it is lost, too" {
				if err := os.Truncate(home(t, dir)+"/lost", 0); err != nil {
					t.Fatal(err)
				}
			}
			cfg := config(dir, 1000)
			cfg.Memory, cfg.WriteQueue = blockcache.NewMemory(16*kib, kib), 8*kib // none is left unwritten
			c = openFaulty(t, cfg, faults)
			src := &source{}
			for _, lost := range []bool{false, true} {
				gone.Store(lost)
				v := c.Version(obj)
				readAll(t, v, src, 100)
				if b, err := v.Passthrough(t.Context()); b != nil || err != nil {
					t.Errorf("%s: the kernel is given what may be lost: %v", restart, err)
				}
				v.Close()
			}
			if n := src.requests.Load(); n != 6 {
				t.Errorf("%s: %d of 6 lost blocks fetched", restart, n)
			}
			closeCache(t, c)
		}

		now, faults.Pread = "2", nil
		c = openFaulty(t, config(dir, 1000), faults)
		defer closeCache(t, c)
		v := c.Version(obj)
		defer v.Close()
		fill(t, c, &source{}, obj)
		synctest.Wait()
		backing(t, v, true).Release()
	})
}

// TestChangedFileIsNotPassedThrough changes the data under a running cache, with
// its time of modification put back.
func TestChangedFileIsNotPassedThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		c := open(t, config(dir, 1000))
		obj := codedObject("a", 5*kib)
		fill(t, c, &source{}, obj)
		v := c.Version(obj)
		backing(t, v, true).Release()
		data, _ := files(t, dir)
		st, err := os.Stat(data[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := errFirst(flip(data[0]), os.Chtimes(data[0], st.ModTime(), st.ModTime())); err != nil {
			t.Fatal(err)
		}
		backing(t, v, false)
		src := &source{}
		fill(t, c, src, obj)
		if src.requests.Load() != 5 {
			t.Errorf("%d of 5 damaged blocks fetched again", src.requests.Load())
		}
		synctest.Wait()
		b := backing(t, v, true)
		readBacking(t, b, obj.Size)
		b.Release()
		if n := c.Stats().Healed; n != 5 {
			t.Errorf("%d blocks healed", n)
		}
		v.Close()
		closeCache(t, c)
	})
}

// TestDamageUnderTheKernelsEyes finds a block damaged while the kernel reads the
// file: no hole is made in it, another file takes its place, and the old one stays
// in the accounting until the kernel has closed it.
func TestDamageUnderTheKernelsEyes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		c := openFaulty(t, config(dir, 1000), blockcache.Faults{
			Punch: func(int64, int64, func() error) error {
				t.Error("a hole was made under the kernel's eyes")
				return nil
			},
		})
		obj := codedObject("a", 5*kib)
		fill(t, c, &source{}, obj)
		v := c.Version(obj)
		old := backing(t, v, true)
		data, _ := files(t, dir)
		if err := flip(data[0]); err != nil {
			t.Fatal(err)
		}
		backing(t, v, false)
		src := &source{}
		fill(t, c, src, obj)
		b := backing(t, v, true)
		if b.File() == old.File() {
			t.Error("the damaged file is still in use")
		}
		readBacking(t, b, obj.Size)
		b.Release()
		if n := c.Stats().DiskBytes; n != 10*kib {
			t.Errorf("%d bytes counted while the kernel has the old file", n)
		}
		old.Release()
		if n := c.Stats().DiskBytes; n != 5*kib {
			t.Errorf("%d bytes counted afterwards", n)
		}
		v.Close()
		closeCache(t, c)
	})
}

// prover answers with one checksum.
type prover struct {
	asked atomic.Int64
	sum   s3backend.Checksum
	err   error
}

func (p *prover) Checksum(context.Context, s3backend.Object) (s3backend.Checksum, error) {
	p.asked.Add(1)
	return p.sum, p.err
}

// wrongSource sends the bytes of another version the first times.
type wrongSource struct {
	source
	wrong int64 // so many requests
}

func (s *wrongSource) Open(ctx context.Context, obj s3backend.Object, off, n int64) (io.ReadCloser, error) {
	right, err := s.source.Open(ctx, obj, off, n)
	if s.requests.Load() > s.wrong {
		return right, err
	}
	return io.NopCloser(io.NewSectionReader(s3test.Coded(seed, 2, obj.Size), off, n)), err
}

func TestProof(t *testing.T) {
	const size = 5*kib + 9
	whole := make([]byte, size)
	if _, err := s3test.Coded(seed, 1, size).ReadAt(whole, 0); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	crc := s3backend.Checksum{CRC64NVME: crc64nvme.Checksum(whole), HasCRC: true}
	other := s3backend.Checksum{CRC64NVME: crc.CRC64NVME + 1, HasCRC: true}
	md5sum := s3backend.Checksum{MD5: md5.Sum(whole), HasMD5: true}
	noMD5 := s3backend.Checksum{MD5: [16]byte{1}, HasMD5: true}
	for _, tc := range []struct {
		name   string
		prover *prover
		wrong  int64 // blocks sent wrongly
		want   blockcache.Proof
		err    error // of a read after the second time
		fetch  int64
	}{
		{name: "CRC", prover: &prover{sum: crc}, want: blockcache.ProvedCRC, fetch: 6},
		{name: "MD5", prover: &prover{sum: md5sum}, want: blockcache.ProvedMD5, fetch: 6},
		{name: "none", prover: &prover{}, want: blockcache.Unprovable, fetch: 6},
		{name: "not known", prover: &prover{err: errors.New("away")}, want: blockcache.Unproved, fetch: 6},
		{name: "one wrong block", prover: &prover{sum: crc}, wrong: 1, want: blockcache.ProvedCRC, fetch: 12},
		{name: "all wrong once", prover: &prover{sum: md5sum}, wrong: 6, want: blockcache.ProvedMD5, fetch: 12},
		{name: "always wrong", prover: &prover{sum: other}, err: blockcache.ErrDisproved, fetch: 12},
		{name: "wrong MD5, other bytes", prover: &prover{sum: noMD5}, wrong: 1, err: blockcache.ErrDisproved, fetch: 12},
		{name: "an ETag that is no MD5", prover: &prover{sum: noMD5}, want: blockcache.Unprovable, fetch: 12},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := config(t.TempDir(), 1000)
				cfg.Prover = tc.prover
				c := open(t, cfg)
				obj := codedObject("a", size)
				src := &wrongSource{wrong: tc.wrong}
				v := c.Version(obj)
				disproved := false
				v.Watch(1, func(e blockcache.Event) { disproved = e == blockcache.Disproved })
				for range 2 {
					if !disproved || tc.fetch > 6 {
						fillAwaited(t, c, src, obj)
					}
					synctest.Wait()
					if tc.fetch == 6 {
						break
					}
				}
				_, err := readOnce(t.Context(), v, src, make([]byte, 10), 0, 10, func([]byte) error { return nil })
				if !errors.Is(err, tc.err) {
					t.Errorf("read: %v, want %v", err, tc.err)
				}
				if n := src.requests.Load(); n != tc.fetch {
					t.Errorf("%d blocks fetched, want %d", n, tc.fetch)
				}
				if disproved != (tc.fetch > 6) {
					t.Errorf("told that it is disproved: %v", disproved)
				}
				if tc.err == nil {
					if p, err := v.Proof(t.Context()); err != nil || p != tc.want {
						t.Errorf("proof: %v, %v, want %v", p, err, tc.want)
					}
					b := backing(t, v, true)
					readBacking(t, b, size)
					b.Release()
				}
				v.Close()
				closeCache(t, c)
			})
		})
	}
}

// fillAwaited is fill with a reader who waits for each block before it is fetched, and so
// has it whatever is found out about the version as soon as the last one is written.
func fillAwaited(t *testing.T, c *blockcache.Cache, src blockcache.Source, obj s3backend.Object) {
	t.Helper()
	v := c.Version(obj)
	defer v.Close()
	for off := int64(0); off < obj.Size; off += kib {
		f := v.Claim(off/kib, 1, true)
		r := readAsync(t.Context(), v, off, kib)
		wantNothing(t, r)
		if err := f.Run(t.Context(), src); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := <-r; got.err != nil {
			t.Fatal(got.err)
		} else {
			got.chunk.Release()
		}
		synctest.Wait()
	}
}

// TestUnprovedIsAskedAgain: a server that is away does not keep a version from
// being read, and is asked again later.
func TestUnprovedIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &prover{err: errors.New("away")}
		cfg := config(t.TempDir(), 1000)
		cfg.Prover = p
		c := open(t, cfg)
		obj := codedObject("a", 2*kib)
		fill(t, c, &source{}, obj)
		v := c.Version(obj)
		for range 3 {
			backing(t, v, true).Release()
			synctest.Wait()
		}
		if n := p.asked.Load(); n != 1 {
			t.Errorf("asked %d times within the minute", n)
		}
		time.Sleep(2 * time.Minute)
		p.err = nil
		backing(t, v, true).Release()
		synctest.Wait()
		if proof, _ := v.Proof(t.Context()); proof != blockcache.Unprovable || p.asked.Load() != 2 {
			t.Errorf("%v after %d questions", proof, p.asked.Load())
		}
		v.Close()
		closeCache(t, c)
	})
}

// TestDistrust: what was complete is kept from the kernel until each block has been
// compared once more, in this session and for versions that were closed meanwhile.
func TestDistrust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openFaulty(t, config(t.TempDir(), 1000), blockcache.Faults{ZFS: true})
		open, closed := codedObject("open", 5*kib), codedObject("closed", 3*kib)
		fill(t, c, &source{}, open)
		fill(t, c, &source{}, closed)
		v := c.Version(open)
		backing(t, v, true).Release()
		c.Distrust()
		w := c.Version(closed)
		src := &source{}
		for _, v := range []*blockcache.Version{v, w} {
			backing(t, v, false)
			readAll(t, v, src, kib)
			synctest.Wait()
			b := backing(t, v, true)
			readBacking(t, b, v.Object().Size)
			b.Release()
			v.Close()
		}
		if n := src.requests.Load(); n != 0 {
			t.Errorf("%d blocks fetched of sound files", n)
		}
		closeCache(t, c)
	})
}

// TestReleaseDuringCondemn: the kernel closes its file while that is being unlinked, and its
// bytes are taken off once.
func TestReleaseDuringCondemn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, obj := t.TempDir(), codedObject("a", 5*kib)
		c := open(t, config(dir, 1000))
		fill(t, c, &source{}, obj)
		v := c.Version(obj)
		old := backing(t, v, true)
		data, maps := files(t, dir)
		// A directory of many files in place of the map makes the unlink slow.
		if err := errFirst(os.Remove(maps[0]), os.Mkdir(maps[0], 0o700)); err != nil {
			t.Fatal(err)
		}
		for i := range 20000 {
			if err := os.WriteFile(fmt.Sprintf("%s/%d", maps[0], i), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := flip(data[0]); err != nil {
			t.Fatal(err)
		}
		backing(t, v, false) // notices the foreign change
		for off := int64(0); off < obj.Size; off += kib {
			if _, err := v.Read(t.Context(), make([]byte, kib), off, kib); err == blockcache.ErrMiss {
				break // it has been given up, and is being unlinked
			}
		}
		old.Release()
		left, _ := os.ReadDir(maps[0]) // none if it was quicker, and then this says less
		t.Logf("%d names were left when the kernel closed", len(left))
		synctest.Wait()
		fill(t, c, &source{}, obj)
		present, _ := v.Cached()
		if n := c.Stats().DiskBytes; n != present*kib {
			t.Errorf("%d bytes counted, %d blocks present", n, present)
		}
		v.Close()
		closeCache(t, c)
	})
}
