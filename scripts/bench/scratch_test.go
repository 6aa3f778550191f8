package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A benchmark removes what a killed one has left, and nothing of one that runs.
func TestScratch(t *testing.T) {
	parent := t.TempDir()
	left := filepath.Join(parent, scratchName+"1")
	if err := os.MkdirAll(filepath.Join(left, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	a, err := newScratch(parent)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("what was left is there: %v", err)
	}
	b, err := newScratch(parent)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(a.dir); err != nil {
		t.Errorf("what is in use is gone: %v", err)
	}
	for _, s := range []*scratch{a, b} {
		if err := s.close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
			t.Errorf("closed, and there: %v", err)
		}
	}
}
