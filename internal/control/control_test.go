package control

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func say(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, text) })
}

func serve(t *testing.T, dir, mnt, text string) *Server {
	t.Helper()
	l, err := Listen(dir, mnt)
	if err != nil {
		t.Fatal(err)
	}
	return Serve(l, say(text), slog.New(slog.DiscardHandler))
}

func ask(dir, mnt string) (string, error) {
	r, err := Client(dir, mnt, time.Minute).Get("http://zs3fs/")
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	return string(text), err
}

// The directory's name is longer than a socket's address can be.
func testDir(t *testing.T) string {
	t.Helper()
	long := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(long, "zs3fs")
}

func TestModes(t *testing.T) {
	dir := testDir(t)
	s := serve(t, dir, "/mnt", "hello")
	for path, want := range map[string]os.FileMode{dir: os.ModeDir | 0o700, filepath.Join(dir, Name("/mnt")): os.ModeSocket | 0o600} {
		if info, err := os.Lstat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if text, err := ask(dir, "/mnt"); err != nil || text != "hello" {
		t.Errorf("%q, %v", text, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := ask(dir, "/mnt"); err == nil {
		t.Error("an answer after Close")
	}
}

// The daemon of a mount that is gone may end after its successor has begun.
func TestSuccessorKeepsItsSocket(t *testing.T) {
	dir := testDir(t)
	first := serve(t, dir, "/mnt", "first")
	second := serve(t, dir, "/mnt", "second")
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if text, err := ask(dir, "/mnt"); err != nil || text != "second" {
		t.Errorf("%q, %v", text, err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

// A killed daemon's socket goes when the next one starts, whatever its mount; a
// file that is no socket stays.
func TestStaleSocket(t *testing.T) {
	dir := testDir(t)
	live := serve(t, dir, "/live", "live")
	defer live.Close()
	dead, err := Listen(dir, "/dead")
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.UnixListener.Close(); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(dir, "notes"+suffix)
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	defer serve(t, dir, "/mnt", "new").Close()
	if _, err := os.Lstat(filepath.Join(dir, Name("/dead"))); !os.IsNotExist(err) {
		t.Errorf("the stale socket: %v", err)
	}
	if _, err := os.Lstat(foreign); err != nil {
		t.Error(err)
	}
	if text, err := ask(dir, "/live"); err != nil || text != "live" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestUnsafeDirectory(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(open, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{open, link, ""} {
		if l, err := Listen(dir, "/mnt"); err == nil {
			l.Close()
			t.Errorf("%q was used", dir)
		}
		if _, err := ask(dir, "/mnt"); err == nil {
			t.Errorf("%q was asked", dir)
		}
	}
}

var _ net.Listener = (*Listener)(nil)
