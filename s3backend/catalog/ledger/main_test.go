package ledger_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/zs3fs/zs3fs/s3backend/catalog/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dir is a ledger.Dir.
type dir struct {
	path string
	room int64
	// renames fail with it.
	fail error
}

func newDir(t *testing.T) *dir { return &dir{path: t.TempDir(), room: 1 << 40} }

func (d *dir) name(n string) string { return filepath.Join(d.path, n) }

func (d *dir) Open(n string) (*os.File, error) { return os.OpenFile(d.name(n), os.O_RDWR, 0) }
func (d *dir) Create(n string) (*os.File, error) {
	return os.OpenFile(d.name(n), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
}
func (d *dir) Rename(from, to string) error {
	if d.fail != nil {
		return d.fail
	}
	return os.Rename(d.name(from), d.name(to))
}
func (d *dir) Remove(n string) error {
	if err := os.Remove(d.name(n)); !os.IsNotExist(err) {
		return err
	}
	return nil
}
func (d *dir) Sync() error          { return nil }
func (d *dir) Room() (int64, error) { return d.room, nil }

func open(t *testing.T, cfg ledger.Config) *ledger.Ledger {
	t.Helper()
	if cfg.Limit == 0 {
		cfg.Limit = 64 << 20
	}
	l := ledger.Open(cfg)
	t.Cleanup(func() { l.Close() })
	return l
}

// reopen is a restart after a clean end.
func reopen(t *testing.T, l *ledger.Ledger, cfg ledger.Config) *ledger.Ledger {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, cfg)
}

// get returns what is there of path, of whatever age.
func get(l *ledger.Ledger, path string) (string, bool) {
	body, _, ok := l.Get('n', path, time.Time{})
	return string(body), ok
}

// settled waits until what was put has been written.
func settled(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !l.Idle(); {
		if time.Now().After(end) {
			t.Fatal("the queue is not written")
		}
	}
}

func wantGot(t *testing.T, l *ledger.Ledger, path, want string) {
	t.Helper()
	settled(t, l)
	if got, ok := get(l, path); !ok || got != want {
		t.Fatalf("%s: got %q, %v, want %q", path, got, ok, want)
	}
}

func wantNone(t *testing.T, l *ledger.Ledger, path string) {
	t.Helper()
	settled(t, l)
	if got, ok := get(l, path); ok {
		t.Fatalf("%s: got %q, want nothing", path, got)
	}
}
