package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestDiscard: what a run left takes no space, and keeps its inodes; what its links
// lead to is left alone.
func TestDiscard(t *testing.T) {
	dir, other := t.TempDir(), filepath.Join(t.TempDir(), "other")
	inside := filepath.Join(dir, "cache", "ab", "file")
	if err := os.MkdirAll(filepath.Dir(inside), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{inside, other} {
		if err := os.WriteFile(path, make([]byte, 100), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(other, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	discard(dir)
	for path, want := range map[string]int64{inside: 0, other: 100} {
		if st, err := os.Stat(path); err != nil || st.Size() != want {
			t.Errorf("%s: %v, %v; want %d bytes", path, st, err, want)
		}
	}
}
