package main

import (
	"os"
	"strings"
	"testing"
)

func TestDemo(t *testing.T) {
	s := newStand(t)
	dir := s.directory("demo")
	s.env = append(s.env, "TMPDIR="+s.dir)
	o := s.run("demo", "--size", "24MiB", "--dir", dir, "--latency", "1ms", "--rate", "0")
	if o.code != OK || o.stderr != "" {
		t.Fatalf("code %d: %s\n%s", o.code, o.stderr, o.stdout)
	}
	for _, row := range []string{"ls -lR", "cold read", "warm read", "two readers", "small files", "after kill -9"} {
		_, after, ok := strings.Cut(o.stdout, "  "+row+"  ")
		line, _, _ := strings.Cut(after, "\n")
		if !ok || !strings.HasSuffix(strings.TrimSpace(line), "yes") {
			t.Errorf("row %q: %q", row, line)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory is left: %v", err)
	}
	if strings.ContainsAny(o.stdout, "\x1b\x07") {
		t.Error("a progress bar in a file")
	}
}
