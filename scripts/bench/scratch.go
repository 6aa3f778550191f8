package main

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const scratchName = "zs3fs-bench-"

// scratch is a directory in memory, where there is one: what the server sends is to cost
// no disk. It is locked as long as its program runs.
type scratch struct {
	dir  string
	lock *os.File
}

// newScratch makes one, and first removes those that a killed benchmark has left in
// parent, a gigabyte of memory each. Empty parents stand for /dev/shm, or else the
// directory for temporary files.
func newScratch(parent string) (*scratch, error) {
	if parent == "" {
		parent = "/dev/shm"
		if _, err := os.Stat(parent); err != nil {
			parent = os.TempDir()
		}
	}
	left, err := filepath.Glob(filepath.Join(parent, scratchName+"*"))
	if err != nil {
		return nil, err
	}
	for _, dir := range left {
		if s, err := hold(dir); err == nil {
			_ = s.close() // of another user perhaps
		}
	}
	dir, err := os.MkdirTemp(parent, scratchName)
	if err != nil {
		return nil, err
	}
	return hold(dir)
}

// hold locks a directory that nobody else has locked.
func hold(dir string) (*scratch, error) {
	lock, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &scratch{dir, lock}, nil
}

func (s *scratch) close() error {
	return errors.Join(os.RemoveAll(s.dir), s.lock.Close())
}
