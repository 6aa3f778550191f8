package ledger_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/catalog/ledger"
)

func TestKeepsOverRestart(t *testing.T) {
	cfg := ledger.Config{Dir: newDir(t), View: "bucket"}
	l := open(t, cfg)
	asked := time.Now().Add(-time.Minute)
	l.Put('n', "a/b", asked, []byte("one"), nil, []byte(" two"))
	l.Put('l', "a/b", asked, []byte("other kind"))
	wantGot(t, l, "a/b", "one two")
	l = reopen(t, l, cfg)
	body, at, ok := l.Get('n', "a/b", asked)
	if string(body) != "one two" || !ok || at.Sub(asked).Abs() > time.Millisecond {
		t.Fatalf("%q, asked %v, %v", body, at, ok)
	}
	if _, _, ok := l.Get('n', "a/b", asked.Add(time.Second)); ok {
		t.Error("what was asked before is an answer")
	}
	if at, ok := l.Asked('l', "a/b"); !ok || at.Sub(asked).Abs() > time.Millisecond {
		t.Error(at, ok)
	}
	wantNone(t, l, "a")
	l = reopen(t, l, ledger.Config{Dir: cfg.Dir, View: "another bucket"})
	wantNone(t, l, "a/b")
	l.Put('n', "a/b", asked, []byte("of another"))
	wantGot(t, l, "a/b", "of another")
	l = reopen(t, l, cfg)
	wantGot(t, l, "a/b", "one two")
}

func TestLaterAnswerStands(t *testing.T) {
	cfg := ledger.Config{Dir: newDir(t)}
	l := open(t, cfg)
	now := time.Now()
	l.Put('n', "a", now.Add(-2*time.Second), []byte("first"))
	l.Put('n', "a", now.Add(-time.Second), []byte("second"))
	l.Put('n', "a", now.Add(-3*time.Second), []byte("late"))
	wantGot(t, l, "a", "second")
	wantGot(t, reopen(t, l, cfg), "a", "second")
}

// An answer that is the same as before takes 48 bytes.
func TestSameAnswerIsRenewed(t *testing.T) {
	cfg := ledger.Config{Dir: newDir(t)}
	l := open(t, cfg)
	body := bytes.Repeat([]byte("x"), 1<<20)
	start := time.Now().Add(-time.Hour)
	for i := range 10 {
		l.Put('n', "a", start.Add(time.Duration(i)*time.Minute), body)
		settled(t, l)
	}
	if n := l.Stats().Bytes; n > 1<<20+1000 {
		t.Errorf("the log takes %d bytes", n)
	}
	for range 2 {
		if _, at, ok := l.Get('n', "a", start); !ok || at.Sub(start.Add(9*time.Minute)).Abs() > time.Millisecond {
			t.Fatal(at, ok)
		}
		l = reopen(t, l, cfg)
	}
	l.Put('n', "a", time.Now(), []byte("other"))
	wantGot(t, l, "a", "other")
}

func TestDropAndClear(t *testing.T) {
	cfg := ledger.Config{Dir: newDir(t)}
	l := open(t, cfg)
	for _, path := range []string{"a", "b", "c"} {
		l.Put('n', path, time.Now(), []byte(path))
	}
	l.Drop('n', "a")
	if _, ok := get(l, "a"); ok {
		t.Error("a dropped answer is given while its drop waits")
	}
	wantNone(t, l, "a")
	l = reopen(t, l, cfg)
	wantNone(t, l, "a")
	wantGot(t, l, "b", "b")
	// At once after Open, before the log is looked through.
	l = reopen(t, l, cfg)
	l.Drop('n', "b")
	wantNone(t, l, "b")
	wantGot(t, l, "c", "c")
	l = reopen(t, l, cfg)
	wantNone(t, l, "b")
	l.Clear()
	wantNone(t, l, "c")
	l = reopen(t, l, cfg)
	wantNone(t, l, "c")
	l.Put('n', "a", time.Now(), []byte("again"))
	wantGot(t, l, "a", "again")
}

func TestRefresh(t *testing.T) {
	d := newDir(t)
	cfg := ledger.Config{Dir: d, View: "v"}
	l := open(t, cfg)
	for _, path := range []string{"a", "a/b", "a/b/c", "ab", "b"} {
		l.Put('n', path, time.Now(), []byte(path))
	}
	settled(t, l)
	l.Refresh("a/b")
	for range 2 {
		wantNone(t, l, "a/b")
		wantNone(t, l, "a/b/c")
		wantGot(t, l, "a", "a")
		l = reopen(t, l, cfg)
	}
	l.Put('n', "a/b/c", time.Now(), []byte("anew"))
	wantGot(t, l, "a/b/c", "anew")
	// Not even a killed process, which closes nothing, forgets it.
	l.Refresh("a")
	l.Settle()
	second := open(t, ledger.Config{Dir: copied(t, d), View: "v"})
	wantNone(t, second, "a/b/c")
	wantGot(t, second, "ab", "ab")
	for i := range 1010 {
		l.Refresh(fmt.Sprint("many/", i))
	}
	wantNone(t, l, "a/b/c")
	l.Refresh("")
	l = reopen(t, l, cfg)
	for _, path := range []string{"a", "a/b", "a/b/c", "ab", "b"} {
		wantNone(t, l, path)
	}
}

// copied is what a killed process leaves.
func copied(t *testing.T, d *dir) *dir {
	t.Helper()
	c := newDir(t)
	if err := os.CopyFS(c.path, os.DirFS(d.path)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFutureIsNotBelieved(t *testing.T) {
	cfg := ledger.Config{Dir: newDir(t)}
	l := open(t, cfg)
	hour := time.Now().Add(-time.Hour)
	l.Put('n', "old", hour, []byte("old"))
	l.Put('n', "future", time.Now().Add(time.Hour), []byte("future"))
	settled(t, l)
	if _, at, ok := l.Get('n', "future", time.Time{}); !ok || time.Since(at) < 24*time.Hour {
		t.Error("asked", at, ok)
	}
	if _, _, ok := l.Get('n', "future", hour); ok {
		t.Error("an answer from the future is fresh")
	}
	// The clock was set back while nobody ran: nobody knows how old anything is.
	l = reopen(t, l, cfg)
	settled(t, l)
	if _, _, ok := l.Get('n', "old", hour); ok {
		t.Error("an answer of unknown age is fresh")
	}
	wantGot(t, l, "old", "old")
	l.Put('n', "old", time.Now(), []byte("old"))
	settled(t, l)
	if _, _, ok := l.Get('n', "old", hour); !ok {
		t.Error("a new answer is not fresh")
	}
}

// The log stays within its limit, also while it is written anew, and keeps the latest.
func TestLimit(t *testing.T) {
	const limit = 1 << 20
	d := newDir(t)
	cfg := ledger.Config{Dir: d, Limit: limit}
	l := open(t, cfg)
	name := func(i int) string { return fmt.Sprintf("%05d", i) }
	start := time.Now().Add(-time.Hour)
	const n = 5000
	for i := range n {
		l.Put('n', name(i), start.Add(time.Duration(i)*time.Millisecond), []byte(strings.Repeat(name(i), 200)))
		if i%50 == 0 {
			settled(t, l)
		}
		if size := l.Stats().Bytes; size > limit {
			t.Fatalf("%d bytes", size)
		}
	}
	settled(t, l)
	for range 2 {
		wantGot(t, l, name(n-1), strings.Repeat(name(n-1), 200))
		wantNone(t, l, name(0))
		if s := l.Stats(); s.Records < limit/3/1200 || s.LeftOut > 0 {
			t.Errorf("%+v", s)
		}
		l = reopen(t, l, cfg)
	}
	l.Put('n', "large", time.Now(), make([]byte, limit/2))
	wantNone(t, l, "large")
	if l.Stats().LeftOut != 1 {
		t.Error("what is too large is not counted")
	}
	names, _ := os.ReadDir(d.path)
	if len(names) != 2 {
		t.Errorf("files left: %v", names)
	}
}
