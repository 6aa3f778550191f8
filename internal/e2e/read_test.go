package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// fetchedOnce checks by the server's log that every block of f was sent once.
func fetchedOnce(t testing.TB, f file) {
	t.Helper()
	fetches := f.s.server.BlockFetches(f.key, blockSize, f.size)
	if blocks := (f.size + blockSize - 1) / blockSize; int64(len(fetches)) != blocks {
		t.Errorf("%s: %d blocks were fetched, of %d", f.key, len(fetches), blocks)
	}
	for off, n := range fetches {
		if n != 1 {
			t.Errorf("%s: the block at %d was fetched %d times, by%s", f.key, off, n, describe(f.requests(off)))
		}
	}
}

// fetched is fetchedOnce for those who read in order. Of what was guessed for
// others a part is given up on the way, and fetched again by who wants it: a quarter
// at most.
func fetched(t testing.TB, f file, modes ...string) {
	t.Helper()
	inOrder := func(mode string) bool { return mode == "sequential" || mode == "direct" || mode == "backwards" }
	if !slices.ContainsFunc(modes, func(mode string) bool { return !inOrder(mode) }) {
		fetchedOnce(t, f)
		return
	}
	var sent int64
	for _, r := range f.s.server.Requests(func(r s3test.Request) bool { return r.Op == s3test.OpGet && r.Key == f.key }) {
		sent += r.Sent
	}
	if sent < f.size || sent > f.size+max(f.size/4, blockSize) {
		t.Errorf("%s: %d bytes were fetched, it has %d", f.key, sent, f.size)
	}
}

// requests returns the GETs that the block at off was part of.
func (f file) requests(off int64) []s3test.Request {
	return f.s.server.Requests(func(r s3test.Request) bool {
		return r.Op == s3test.OpGet && r.Key == f.key && (!r.Ranged || r.Off < off+blockSize && r.Last >= off)
	})
}

func describe(requests []s3test.Request) string {
	var b strings.Builder
	for _, r := range requests {
		fmt.Fprintf(&b, " [%d at %v: %d-%d, sent %d, aborted %v]", r.Seq, r.Time.Format("05.000"), r.Off, r.Last, r.Sent, r.Aborted)
	}
	return b.String()
}

// TestReadEverySizeInEveryWay reads cold and then, after a remount, warm, with
// not one byte from S3.
func TestReadEverySizeInEveryWay(t *testing.T) {
	for _, mode := range []string{"sequential", "backwards", "random", "mmap", "direct"} {
		t.Run(mode, func(t *testing.T) {
			s := newStand(t)
			var files []file
			for _, size := range []int64{0, 1, mib - 1, mib, mib + 1, 64*mib + 12345} {
				files = append(files, s.put(fmt.Sprintf("size-%d", size), size))
			}
			read := func(state string) {
				for _, f := range files {
					if v := f.job(mode).must(t); v.SHA256 != f.sha256() || v.Bytes != f.size {
						t.Errorf("%s: %s: sha256 %s of %d bytes, want %s of %d", state, f.key, v.SHA256, v.Bytes, f.sha256(), f.size)
					}
				}
			}
			d := s.mount()
			read("cold")
			for _, f := range files {
				fetched(t, f, mode)
			}
			read("again")
			if code := d.unmount(); code != 0 {
				t.Fatalf("unmount: exit code %d", code)
			}
			s.server.Reset()
			s.mount()
			read("warm")
			if n := s.server.BytesSent(); n != 0 {
				t.Errorf("%d bytes were fetched for files that are wholly cached", n)
			}
		})
	}
}

// TestReadGigabyte reads 1 GiB to the end, and at random offsets, cold and warm. A
// disk may be too slow to take all of it as it comes: what it took is not fetched
// again.
func TestReadGigabyte(t *testing.T) {
	s := newStand(t)
	f := s.put("gigabyte", gib)
	d := s.mount("--log-level", "info")
	sample := f.job("sample")
	sample.Count = 4
	sample.must(t) // leaves a cache full of holes to the next
	f.verify(t)
	fetchedOnce(t, f)
	if code := d.unmount(); code != 0 {
		t.Fatalf("unmount: exit code %d", code)
	}
	s.server.Reset()
	s.mount("--log-level", "info")
	missing := f.missing(t)
	t.Logf("%d of %d blocks are not cached", missing, f.size/blockSize)
	sample.Count, sample.Random = 64, 2
	sample.must(t)
	f.verify(t)
	if n := s.server.BytesSent(); n > missing*blockSize {
		t.Errorf("%d bytes were fetched, only %d blocks were missing", n, missing)
	}
}

// missing returns how many of the file's blocks are not on disk, as the mount says.
func (f file) missing(t testing.TB) int64 {
	t.Helper()
	var present, total int64
	text := xattr(t, f.path(), "user.zs3fs.cached")
	if _, err := fmt.Sscanf(text, "%d/%d blocks", &present, &total); err != nil || total != (f.size+blockSize-1)/blockSize {
		t.Fatalf("user.zs3fs.cached is %q", text)
	}
	return total - present
}

// TestReadColdFileFromTwoProcesses: readers of one cold file share its fetches.
func TestReadColdFileFromTwoProcesses(t *testing.T) {
	for _, modes := range [][2]string{{"sequential", "sequential"}, {"sequential", "direct"}, {"sequential", "backwards"}, {"random", "mmap"}} {
		t.Run(modes[0]+" and "+modes[1], func(t *testing.T) {
			s := newStandWith(t, s3test.ServerConfig{Rate: 40 * mib})
			f := s.put("cold", 48*mib+1)
			s.mount()
			a, b := f.job(modes[0]).start(t), f.job(modes[1]).start(t)
			for _, r := range []*reader{a, b} {
				v, err := r.wait()
				if err != nil || v.Error != "" || v.SHA256 != f.sha256() {
					t.Errorf("reader %s: %v %s, sha256 %s, want %s", r.job.Mode, err, v.Error, v.SHA256, f.sha256())
				}
			}
			fetched(t, f, modes[0], modes[1])
		})
	}
}

// TestReadWithoutRoomInTheCache: a cache that holds a part of what is read, or
// nothing, changes nothing but the number of requests.
func TestReadWithoutRoomInTheCache(t *testing.T) {
	for _, size := range []string{"0", "1MiB", "10MiB"} {
		t.Run(size, func(t *testing.T) {
			s := newStand(t)
			files := []file{s.put("a", 32*mib+5), s.put("b", 7*mib)}
			s.mount("--cache-size", size)
			for range 2 {
				for _, f := range files {
					for _, mode := range []string{"sequential", "random", "direct"} {
						if v := f.job(mode).must(t); v.SHA256 != f.sha256() {
							t.Errorf("%s of %s: sha256 %s, want %s", mode, f.key, v.SHA256, f.sha256())
						}
					}
				}
			}
		})
	}
}

// TestReadWithSmallBlocksAndRequests: nothing depends on the default sizes.
func TestReadWithSmallBlocksAndRequests(t *testing.T) {
	for _, options := range [][]string{
		{"--block-size", "4KiB", "--read-part-size", "64KiB"},
		{"--block-size", "128KiB", "--read-ahead", "0"},
		{"--block-size", "4MiB", "--max-downloads", "1"},
		{"--memory-limit", "8MiB"},
	} {
		t.Run(fmt.Sprint(options), func(t *testing.T) {
			s := newStand(t)
			files := []file{s.put("a", 9*mib+4095), s.put("b", 4097)}
			s.mount(options...)
			for range 2 {
				for _, f := range files {
					for _, mode := range []string{"sequential", "random", "mmap"} {
						if v := f.job(mode).must(t); v.SHA256 != f.sha256() {
							t.Errorf("%s of %s: sha256 %s, want %s", mode, f.key, v.SHA256, f.sha256())
						}
					}
				}
			}
		})
	}
}
