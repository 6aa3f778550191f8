package demo

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// laidOut is a demo whose mount point is a plain directory with the files in it.
func laidOut(t *testing.T) *demo {
	t.Helper()
	d := &demo{cfg: Config{Size: MinSize, Out: io.Discard}, mnt: t.TempDir(), files: makeFiles(MinSize)}
	if err := hash(context.Background(), d.files, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	for _, f := range d.files {
		path := filepath.Join(d.mnt, f.key)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		data := make([]byte, f.content.Size())
		if _, err := f.content.ReadAt(data, 0); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	server, err := s3test.NewServer(s3test.NewMem(), s3test.ServerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	d.server = server
	return d
}

func (d *demo) differences(t *testing.T) []string {
	t.Helper()
	if err := d.list(context.Background()); err != nil {
		t.Fatal(err)
	}
	r := d.begin("all")
	if err := d.verify(context.Background(), r, d.files, "**"); err != nil {
		t.Fatal(err)
	}
	return append(d.rows[len(d.rows)-1].wrong, r.wrong...)
}

// A demo that finds nothing wrong must be able to.
func TestDifferencesAreFound(t *testing.T) {
	d := laidOut(t)
	if wrong := d.differences(t); len(wrong) != 0 {
		t.Fatalf("right files differ: %q", wrong)
	}
	for _, c := range []struct {
		name   string
		damage func(path string) error
		want   int // one for the list, one for the sum
	}{
		{"tree/year=2024/month=11/part-100.csv", func(path string) error { return flip(path, 0) }, 1},
		{"big/part-3.bin", func(path string) error { return flip(path, 1<<20) }, 1},
		{"awkward names/new\nline.txt", func(path string) error { return os.Truncate(path, 99) }, 3},
	} {
		path := filepath.Join(d.mnt, c.name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.damage(path); err != nil {
			t.Fatal(err)
		}
		if wrong := d.differences(t); len(wrong) != c.want {
			t.Errorf("%s: %q, want %d differences", c.name, wrong, c.want)
		}
		if err := os.WriteFile(path, good, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(d.mnt, "extra"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if wrong := d.differences(t); len(wrong) != 1 {
		t.Errorf("an extra file: %q", wrong)
	}
}

func flip(path string, off int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, off); err != nil {
		return err
	}
	b[0] ^= 1
	_, err = f.WriteAt(b, off)
	return err
}

// A demo that does not fit leaves no directory behind.
func TestTooLarge(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	if err := Run(context.Background(), Config{Size: 1 << 60, Out: io.Discard}); err == nil {
		t.Error("no error")
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestFilesAddUp(t *testing.T) {
	for _, size := range []int64{MinSize, 100<<20 + 12345, 1 << 30, 5 << 30} {
		files := makeFiles(size)
		_, total := below(files, "")
		if total > size || total < size-bigFiles {
			t.Errorf("size %d: the files have %d bytes", size, total)
		}
		seen := map[string]bool{}
		for _, f := range files {
			if seen[f.key] || f.content.Size() < 0 {
				t.Errorf("size %d: %q", size, f.key)
			}
			seen[f.key] = true
		}
	}
}

func TestProgressCountsWhatAProcessReads(t *testing.T) {
	if n := bytesRead(os.Getpid()); n <= 0 {
		t.Errorf("this process has read %d bytes", n)
	}
	if n := bytesRead(-1); n != 0 {
		t.Errorf("no process has read %d bytes", n)
	}
}

func TestExcerptIsSafeForATerminal(t *testing.T) {
	var out []byte
	d := &demo{cfg: Config{Out: writerFunc(func(p []byte) { out = append(out, p...) })}}
	d.excerpt([]byte("one\x1b[31m\ntwo\nthree\n"), 2)
	if want := "  one\\x1b[31m\n  two\n  ... 1 more lines\n"; string(out) != want {
		t.Errorf("%q, want %q", out, want)
	}
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }
