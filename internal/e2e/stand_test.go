package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30

	// blockSize is the default of --block-size.
	blockSize = mib

	accessKey = "AKIDZS3FSENDTOEND"
	// canary is the secret key. It must not show in any log, argument or file.
	canary = "canary/CANARY+canary/CANARY+canary/CANARY"
)

// stand is a bucket behind a server in this process, with a cache directory and a
// mount point in front of it.
type stand struct {
	t      testing.TB
	server *s3test.Server
	bucket *s3test.Mem
	dir    string // holds all below
	cache  string
	mnt    string
	seeds  atomic.Uint32
	// binary is the zs3fs that mounts; the one under test where empty.
	binary string
	// without names variables that daemons do not get.
	without []string
}

func newStand(t testing.TB) *stand { return newStandWith(t, s3test.ServerConfig{}) }

func newStandWith(t testing.TB, cfg s3test.ServerConfig) *stand {
	t.Helper()
	s := &stand{t: t, bucket: s3test.NewMem(), dir: t.TempDir()}
	s.cache, s.mnt = filepath.Join(s.dir, "cache"), filepath.Join(s.dir, "mnt")
	if err := os.Mkdir(s.mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	cfg.AccessKey, cfg.SecretKey = accessKey, canary
	server, err := s3test.NewServer(s.bucket, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.server = server
	t.Cleanup(server.Close)
	return s
}

// fresh is the same bucket for another mount, with a cold cache.
func (s *stand) fresh(t testing.TB) *stand {
	return &stand{t: t, server: s.server, bucket: s.bucket, dir: s.dir, cache: filepath.Join(t.TempDir(), "cache"), mnt: s.mnt}
}

// file is a coded object of the bucket as the mount must show it.
type file struct {
	s             *stand
	key           string
	seed, version uint32
	size          int64
	content       s3test.Content
}

// put makes an object of a seed of its own.
func (s *stand) put(key string, size int64) file {
	return s.overwrite(file{s: s, key: key, seed: s.seeds.Add(1)}, size)
}

// overwrite makes the next version of f the current one.
func (s *stand) overwrite(f file, size int64) file {
	f.version, f.size = f.version+1, size
	f.content = s3test.Coded(f.seed, f.version, size)
	s.bucket.Put(f.key, f.content)
	return f
}

// path is where f is mounted.
func (f file) path() string { return filepath.Join(f.s.mnt, f.key) }

// sha256 of what the source holds.
func (f file) sha256() string {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f.content, 0, f.size)); err != nil {
		f.s.t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// job reads f in chunks of 128 KiB, the reads of cp and cat.
func (f file) job(mode string) job {
	return job{Mode: mode, Path: f.path(), Seed: f.seed, Version: f.version, Size: f.size,
		Chunk: 128 * kib, Threads: 16, Random: 1}
}

// verify reads all of f from the mount in another process.
func (f file) verify(t testing.TB) {
	t.Helper()
	v := f.job("sequential").must(t)
	if v.SHA256 != f.sha256() {
		t.Fatalf("%s: sha256 %s, want %s", f.key, v.SHA256, f.sha256())
	}
}

// check compares p, read at off, with f.
func (f file) check(p []byte, off int64) error { return s3test.CheckCoded(p, off, f.seed, f.version) }

// open opens f for reading; it is closed when the test ends.
func (f file) open(t testing.TB, flags int) *os.File {
	t.Helper()
	h, err := os.OpenFile(f.path(), os.O_RDONLY|flags, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// pread is pread(2) itself: os.File's makes a call again that a signal has interrupted,
// and none may be, though Go's runtime sends one to each call that takes long.
func pread(h *os.File, p []byte, off int64) (int, error) { return unix.Pread(int(h.Fd()), p, off) }

// readAt reads n bytes with one system call, and checks them.
func (f file) readAt(h *os.File, off int64, n int) error {
	p := make([]byte, n)
	n, err := pread(h, p, off)
	switch {
	case err != nil:
		return err
	case int64(n) != min(int64(len(p)), max(f.size-off, 0)):
		return fmt.Errorf("read of %d bytes at %d of %d: got %d", len(p), off, f.size, n)
	}
	return f.check(p[:n], off)
}

// gets returns the number of GETs of key.
func (s *stand) gets(key string) int {
	return len(s.server.Requests(func(r s3test.Request) bool { return r.Op == s3test.OpGet && r.Key == key }))
}
