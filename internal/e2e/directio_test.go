package e2e_test

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// TestDirectIO: with direct_io the daemon gets each read as the program makes it, the
// second time too, and every other way of reading goes on as without.
func TestDirectIO(t *testing.T) {
	s := newStand(t)
	files := []file{s.put("a", 9*mib+77), s.put("b", mib), s.put("c", 5), s.put("empty", 0)}
	d := s.mount("-o", "direct_io", "--passthrough=false", "--debug")
	a := files[0]
	// 72 of 128 KiB, one of 77 bytes, and one that finds the end.
	const reads = 72 + 1 + 1
	for range 2 {
		before := d.reads()
		a.verify(t)
		if n := d.reads() - before; n != reads {
			t.Errorf("the daemon got %d reads, a program made %d", n, reads)
		}
	}
	fetchedOnce(t, a)
	for _, f := range files {
		f.readEveryWay(t)
	}
	h := a.open(t, 0)
	for bit := range 43 { // the kernel leaves it to the daemon what lies there
		if off := int64(mib) << bit; off > a.size {
			if n, err := pread(h, make([]byte, 8), off); n != 0 || err != nil {
				t.Errorf("at %#x: %d bytes, %v", off, n, err)
			}
		}
	}
	private, err := unix.Mmap(int(h.Fd()), 0, int(a.size), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(private)
	a.checkAll(t, h)
	if err := a.check(private, 0); err != nil {
		t.Errorf("of a private mapping: %v", err)
	}
}

// TestDirectIOProgram runs a program that lies in the bucket: the kernel reads its head
// and maps the rest.
func TestDirectIOProgram(t *testing.T) {
	s := newStand(t)
	text, err := os.ReadFile(tool(t, "true", "coreutils"))
	if err != nil {
		t.Fatal(err)
	}
	s.bucket.Put("true", s3test.Bytes(text))
	s.mount("-o", "direct_io,exec,file_mode=0755")
	for range 2 {
		// By a shell: who starts a program by vfork keeps a processor until it runs. When
		// this process's collector wants all of them, its S3 server answers nobody.
		program(t, "sh", "-c", `"$1"`, "sh", s.mnt+"/true")
	}
}
