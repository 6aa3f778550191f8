package main

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
)

// sink is a directory with a file a key, or nothing.
type sink struct {
	dir string
	mu  sync.Mutex // guards all
	all map[string]*os.File
}

func newSink(dir string) (*sink, error) {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	return &sink{dir: dir, all: make(map[string]*os.File)}, nil
}

func (s *sink) write(p []byte, key string, off int64) error {
	if s.dir == "" {
		return nil
	}
	f, err := s.file(key)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(p, off)
	return err
}

func (s *sink) file(key string) (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.all[key]; f != nil {
		return f, nil
	}
	f, err := os.OpenFile(filepath.Join(s.dir, filepath.Base(key)), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		s.all[key] = f
	}
	return f, err
}

func (s *sink) Close() error {
	var errs []error
	for _, f := range s.all {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
