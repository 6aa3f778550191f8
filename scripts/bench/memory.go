package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// filler keeps the page cache full of a file that nobody needs, as it is on any
// machine that has read data for an hour. Otherwise a run is charged for what the
// machine did before: a virtual machine gives free pages back to its host, and the
// next use of each costs up to 1.3 s/GB (measured, against 0.27 with a full page
// cache), once for each page cache that the bytes pass through.
type filler struct {
	file *os.File // sparse, many times the memory: what was read last is read last again
	at   int64
	size int64
}

// newFiller makes its file in dir.
func newFiller(dir string) (*filler, error) {
	var si unix.Sysinfo_t
	if err := unix.Sysinfo(&si); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		return nil, err
	}
	size := 4 * int64(si.Totalram) * int64(si.Unit)
	return &filler{file: f, size: size}, f.Truncate(size)
}

// fill reads as much as there is free memory. What is free then is what the kernel
// keeps in stock by giving up the oldest pages.
func (f *filler) fill() error {
	var si unix.Sysinfo_t
	if err := unix.Sysinfo(&si); err != nil {
		return err
	}
	n := int64(si.Freeram) * int64(si.Unit)
	if f.at+n > f.size {
		f.at = 0
	}
	_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.NewSectionReader(f.file, f.at, n), make([]byte, 1<<20))
	f.at += n
	if err != nil {
		return err
	}
	return touch()
}

// touch uses most of the memory that the kernel keeps free, some 5 % of all, and gives it
// back, so that the next run does not pay for having it from the host: 0.3 s/GB at best,
// 3.3 at worst. In 2 s the kernel may give it to the host again.
func touch() error {
	var si unix.Sysinfo_t
	if err := unix.Sysinfo(&si); err != nil {
		return err
	}
	n := int64(si.Freeram) * int64(si.Unit) / 8 * 7
	pages, err := unix.Mmap(-1, 0, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return err
	}
	return unix.Munmap(pages)
}

func (f *filler) close() error {
	return errors.Join(f.file.Close(), os.Remove(f.file.Name()))
}
