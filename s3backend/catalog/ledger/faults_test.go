package ledger_test

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/catalog/ledger"
)

// lines is a log.
type lines struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (w *lines) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

func (w *lines) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.buf.String(), "\n")
}

func (w *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// wantEnded: the ledger has ended with one line, answers nothing, and has left nothing
// that a later one would believe.
func wantEnded(t *testing.T, l *ledger.Ledger, d *dir, log *lines) {
	t.Helper()
	settled(t, l)
	if s := l.Stats(); s.On || s.Bytes != 0 || s.Records != 0 {
		t.Errorf("%+v", s)
	}
	l.Put('n', "a", time.Now(), []byte("more"))
	l.Drop('n', "a")
	l.Refresh("a")
	l.Clear()
	l.Settle()
	wantNone(t, l, "a")
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if names, err := os.ReadDir(d.path); err != nil || len(names) > 0 {
		t.Errorf("left: %v, %v", names, err)
	}
	if n := log.count(); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
}

func TestFailingWritesEndIt(t *testing.T) {
	for after := range int64(6) {
		d, log := newDir(t), &lines{}
		var writes atomic.Int64
		l := ledger.OpenFaulty(ledger.Config{Dir: d, Limit: 1 << 20, Logger: log.logger()}, nil,
			func(f *os.File, p []byte, off int64) (int, error) {
				if writes.Add(1) > after {
					return 0, syscall.ENOSPC
				}
				return f.WriteAt(p, off)
			})
		for range 10 {
			l.Put('n', "a", time.Now(), []byte("answer"))
			settled(t, l)
			if got, ok := get(l, "a"); ok && got != "answer" {
				t.Errorf("%q", got)
			}
		}
		l.Refresh("b")
		l.Put('n', "a", time.Now(), []byte("another"))
		wantEnded(t, l, d, log)
	}
}

func TestFailingReadsEndIt(t *testing.T) {
	d, log := newDir(t), &lines{}
	var fails atomic.Bool
	l := ledger.OpenFaulty(ledger.Config{Dir: d, Limit: 1 << 20, Logger: log.logger()},
		func(f *os.File, p []byte, off int64) (int, error) {
			if fails.Load() {
				return 0, syscall.EIO
			}
			return f.ReadAt(p, off)
		}, nil)
	l.Put('n', "a", time.Now(), []byte("answer"))
	wantGot(t, l, "a", "answer")
	fails.Store(true)
	wantNone(t, l, "a")
	wantEnded(t, l, d, log)
}

// A disk that does not answer keeps a question for readWait, once.
func TestHangingReadEndsIt(t *testing.T) {
	d, log := newDir(t), &lines{}
	gate := make(chan struct{})
	var hangs atomic.Bool
	l := ledger.OpenFaulty(ledger.Config{Dir: d, Limit: 1 << 20, Logger: log.logger()},
		func(f *os.File, p []byte, off int64) (int, error) {
			if hangs.Load() {
				<-gate
			}
			return f.ReadAt(p, off)
		}, nil)
	l.Put('n', "a", time.Now(), []byte("answer"))
	wantGot(t, l, "a", "answer")
	hangs.Store(true)
	start := time.Now()
	wantNone(t, l, "a")
	wantNone(t, l, "a")
	if took := time.Since(start); took > ledger.ReadWait+5*time.Second {
		t.Errorf("took %v", took)
	}
	close(gate)
	wantEnded(t, l, d, log)
}

func TestFailingRenameEndsIt(t *testing.T) {
	d, log := newDir(t), &lines{}
	d.fail = syscall.EROFS
	l := ledger.Open(ledger.Config{Dir: d, Limit: 1 << 20, Logger: log.logger()})
	l.Put('n', "a", time.Now(), []byte("answer"))
	wantEnded(t, l, d, log)
}

// What the file system is to leave free for others is left, and drops are kept all the
// same.
func TestNoRoom(t *testing.T) {
	d, log := newDir(t), &lines{}
	cfg := ledger.Config{Dir: d, Limit: 1 << 20, Logger: log.logger()}
	l := open(t, cfg)
	l.Put('n', "a", time.Now(), []byte("answer"))
	l.Put('n', "b", time.Now(), []byte("answer"))
	settled(t, l)
	l.Close()
	d.room = 0
	l = open(t, cfg)
	l.Put('n', "c", time.Now(), []byte("answer"))
	l.Drop('n', "a")
	for range 2 {
		wantNone(t, l, "a")
		wantGot(t, l, "b", "answer")
		wantNone(t, l, "c")
		if s := l.Stats(); !s.On {
			t.Errorf("%+v", s)
		}
		l = reopen(t, l, cfg)
	}
	if n := log.count(); n > 0 {
		t.Errorf("%d lines in the log", n)
	}
}

// Who is behind leaves out answers, and never a drop.
func TestBehind(t *testing.T) {
	d := newDir(t)
	gate := make(chan struct{})
	var slow atomic.Bool
	cfg := ledger.Config{Dir: d, Limit: 1 << 30}
	l := ledger.OpenFaulty(cfg, nil, func(f *os.File, p []byte, off int64) (int, error) {
		if slow.Load() {
			<-gate
		}
		return f.WriteAt(p, off)
	})
	l.Put('n', "a", time.Now(), []byte("answer"))
	settled(t, l)
	slow.Store(true)
	body := make([]byte, 8<<20)
	for range 20 {
		l.Put('n', "large", time.Now(), body)
	}
	l.Drop('n', "a")
	if _, ok := get(l, "a"); ok {
		t.Error("a drop waits for the disk")
	}
	if s := l.Stats(); s.LeftOut < 10 {
		t.Errorf("%+v", s)
	}
	close(gate)
	wantNone(t, l, "a")
	wantNone(t, reopen(t, l, cfg), "a")
}

// A drop that is damaged in the middle of the log takes with it what it may have
// dropped: nothing comes back.
func TestDamagedDrop(t *testing.T) {
	d := newDir(t)
	cfg := ledger.Config{Dir: d}
	l := open(t, cfg)
	l.Put('n', "a", time.Now(), []byte("first"))
	settled(t, l)
	off, size := l.Place("a")
	l.Drop('n', "a")
	settled(t, l)
	l.Put('n', "b", time.Now(), []byte("behind it"))
	settled(t, l)
	l.Close()
	raw, err := os.ReadFile(d.name("log"))
	if err != nil {
		t.Fatal(err)
	}
	for at := off + size; at < off+size+48; at++ {
		c := copied(t, d)
		hurt := bytes.Clone(raw)
		hurt[at] ^= 4
		if err := os.WriteFile(c.name("log"), hurt, 0o600); err != nil {
			t.Fatal(err)
		}
		l := open(t, ledger.Config{Dir: c})
		wantNone(t, l, "a")
		l.Close()
	}
}

// What lies in the place of an answer and is another's is not given, though it be whole.
func TestForeignRecord(t *testing.T) {
	d := newDir(t)
	l := open(t, ledger.Config{Dir: d})
	l.Put('n', "a", time.Now(), []byte("of a"))
	l.Put('n', "b", time.Now(), []byte("of b"))
	settled(t, l)
	a, size := l.Place("a")
	b, _ := l.Place("b")
	raw, err := os.ReadFile(d.name("log"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(d.name("log"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(raw[b:b+size], a); err != nil {
		t.Fatal(err)
	}
	wantNone(t, l, "a")
	wantGot(t, l, "b", "of b")
	if n := l.Stats().Damaged; n != 1 {
		t.Errorf("%d are counted as damaged", n)
	}
}

// Marks that belong to another log tell nothing of this one's.
func TestForeignMarks(t *testing.T) {
	d, other := newDir(t), newDir(t)
	for _, each := range []*dir{d, other} {
		l := open(t, ledger.Config{Dir: each})
		l.Put('n', "a", time.Now(), []byte("before"))
		settled(t, l)
		if each == d {
			l.Refresh("a")
		}
		l.Close()
	}
	raw, err := os.ReadFile(other.name("marks"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.name("marks"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	wantNone(t, open(t, ledger.Config{Dir: d}), "a")
}
