//go:build zfsvm

package e2e_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// TestZFSBlockIsRecord: one block is one record, written once and whole. No record
// is read for a write, neither when blocks arrive while transaction groups close
// one after another nor when they are written again with nothing in memory.
func TestZFSBlockIsRecord(t *testing.T) {
	d := newPool(t).dataset("cache")
	s := standOn(d)
	f, g := s.put("f", 24*mib), s.put("g", 6*mib+34567)
	m := s.mount()
	written, read := d.vdev("write_bytes"), d.vdev("read_bytes")
	stop := syncAllTheTime(d.pool)
	for _, f := range []file{f, g} {
		f.verify(t)
	}
	groups := stop()
	if code := m.unmount(); code != 0 {
		t.Fatalf("unmount: exit code %d", code)
	}
	for _, f := range []file{f, g} {
		if err := d.checkRecords(f); err != nil {
			t.Error(err)
		}
	}
	written, read = d.vdev("write_bytes")-written, d.vdev("read_bytes")-read
	t.Logf("%d MiB cached in %d groups: %d MiB written, %d KiB read", (f.size+g.size)/mib, groups, written/mib, read/kib)
	// A record that was written by halves would be written twice. Each group adds
	// its metadata and labels.
	if written > f.size+g.size+mib+groups*mib/2 {
		t.Errorf("%d bytes were written for %d in %d groups", written, f.size+g.size, groups)
	}
	if read > mib {
		t.Errorf("%d bytes were read from the disk for nothing but writes", read)
	}

	d.export()
	d.reimport()
	forget(t, f.cached(t)+".map")
	s.mount()
	read = d.vdev("read_bytes")
	f.verify(t)
	eventually(t, "the file is cached again", func() bool { return present(t, f.cached(t)+".map") == 24 })
	d.sync()
	if read = d.vdev("read_bytes") - read; read > 2*mib {
		t.Errorf("%d bytes were read from the disk to write %d anew", read, f.size)
	}
}

// syncAllTheTime closes one transaction group after another until it is told to
// stop, and then says how many.
func syncAllTheTime(p *pool) (stop func() int64) {
	ctx, cancel := context.WithCancel(context.Background())
	groups := make(chan int64)
	go func() {
		n := int64(0)
		for ; ctx.Err() == nil; n++ {
			exec.CommandContext(ctx, "zpool", "sync", p.name).Run() // fails when it is stopped
		}
		groups <- n
	}()
	return func() int64 {
		cancel()
		return <-groups
	}
}

// forget makes a map say that no block is there.
func forget(t testing.TB, path string) {
	t.Helper()
	m, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(m[mapHeader:])
	if err := os.WriteFile(path, m, 0o600); err != nil {
		t.Fatal(err)
	}
}

// present counts the blocks that a map says are there.
func present(t testing.TB, path string) (n int) {
	t.Helper()
	m, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := mapHeader; i+mapEntry <= len(m); i += mapEntry {
		if !bytes.Equal(m[i:i+mapEntry], make([]byte, mapEntry)) {
			n++
		}
	}
	return n
}

// TestZFSZerosAreHoles: blocks of zeros take no space, and are cached all the same.
func TestZFSZerosAreHoles(t *testing.T) {
	d := newPool(t).dataset("cache")
	s := standOn(d)
	zeros := s3test.Bytes(make([]byte, 5*mib))
	f := file{s: s, key: "f", size: 13 * mib}
	f.content = s3test.Concat(zeros, s3test.Coded(1, 1, 3*mib), zeros)
	s.bucket.Put(f.key, f.content)
	for round := range 2 {
		s.server.Reset()
		m := s.mount()
		text, err := os.ReadFile(f.path())
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(io.NewSectionReader(f.content, 0, f.size))
		if err != nil || !bytes.Equal(text, want) {
			t.Errorf("read other bytes than the object's %v", err)
		}
		if code := m.unmount(); code != 0 {
			t.Fatalf("unmount: exit code %d", code)
		}
		if n := s.gets(f.key); (n == 0) != (round == 1) {
			t.Errorf("round %d: %d GETs", round, n)
		}
	}
	all := d.records(f.cached(t))
	if len(all) != 3 || all[0].offset != 5*mib {
		t.Errorf("records of a file with zeros at both ends: %+v", all)
	}
	if used := d.bytes("referenced"); used > 4*mib {
		t.Errorf("%d bytes are used for 3 MiB of data between zeros", used)
	}
}
