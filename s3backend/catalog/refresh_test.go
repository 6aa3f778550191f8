package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

// Refreshing asks again for a path and all below it, and for nothing else.
func TestRefresh(t *testing.T) {
	s := newSpy()
	s.put("a/b/x", "a/b/y", "a/z", "c/x", "f")
	c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1, NegativeTTL: -1})
	ctx := context.Background()
	look := func() {
		t.Helper()
		for _, dir := range []string{"", "a", "a/b", "c"} {
			if _, err := c.List(ctx, dir); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Lookup(ctx, "c/none"); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	look()
	wantQuestions(t, s, "list ", "list a/", "list a/b/", "list c/")
	look()
	wantQuestions(t, s)
	for path, want := range map[string][]string{
		"a/b": {"list a/", "list a/b/"}, // the parent's listing has its place
		"a":   {"list ", "list a/", "list a/b/"},
		"f":   {"list "},
		"":    {"list ", "list a/", "list a/b/", "list c/"},
	} {
		c.Refresh(path)
		look()
		wantQuestions(t, s, want...)
		look()
		wantQuestions(t, s)
	}
	s.put("a/b/new")
	s.Delete("a/b/x")
	c.Refresh("a/b/x")
	if l, err := c.List(ctx, "a/b"); err != nil || names(l) != "new y" {
		t.Errorf("%v, %v", l, err)
	}
}

// Any number of refreshed paths holds.
func TestRefreshOfMany(t *testing.T) {
	s := newSpy()
	for i := range 1500 {
		s.put(fmt.Sprintf("%04d/x", i))
	}
	c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1, NegativeTTL: -1})
	for i := range 1500 {
		dir := fmt.Sprintf("%04d", i)
		if _, err := c.List(context.Background(), dir); err != nil {
			t.Fatal(err)
		}
		s.put(dir + "/y")
		c.Refresh(dir)
	}
	for i := range 1500 {
		if l, err := c.List(context.Background(), fmt.Sprintf("%04d", i)); err != nil || names(l) != "x y" {
			t.Fatalf("%d: %v, %v", i, l, err)
		}
	}
}

// What was asked before a refresh is given to those who wait for it, or go on reading,
// and is fresh for nobody: the kernel would keep it for as long as that.
func TestRefreshReachesWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.put("a/b/x", "f")
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1, NegativeTTL: -1})
		defer c.Close()
		ctx := context.Background()
		read := func(snap *catalog.Snapshot) time.Duration {
			t.Helper()
			n, ok, err := snap.At(ctx, 0)
			found, known := snap.Find("x")
			if err != nil || !ok || !known || n.Fresh != found.Fresh {
				t.Fatalf("%+v, %v, %v; %+v, %v", n, ok, err, found, known)
			}
			return n.Fresh
		}
		for refreshed, ends := range map[string]bool{"": true, "a": true, "a/b": true, "a/b/x": true, "a/b/y": false, "f": false} {
			snap, err := c.Open("a/b")
			if err != nil || read(snap) == 0 {
				t.Fatal("a new listing is not fresh:", err)
			}
			time.Sleep(time.Second)
			c.Refresh(refreshed)
			if ended := read(snap) == 0; ended != ends {
				t.Errorf("after the refresh of %q, a name that is read on is fresh: %v", refreshed, !ended)
			}
			snap.Close()
		}
		c.Refresh("")
		for path, refreshed := range map[string]string{"f": "f", "none": "", "a/b/x": "a"} {
			gate := make(chan struct{})
			s.gate = gate
			done := make(chan struct{})
			var fresh time.Duration
			go func() {
				defer close(done)
				n, err := c.Lookup(ctx, path)
				if absent := (*catalog.AbsentError)(nil); errors.As(err, &absent) {
					n.Fresh = absent.Fresh
				} else if err != nil {
					t.Error(err)
				}
				fresh = n.Fresh
			}()
			synctest.Wait()
			time.Sleep(time.Second)
			c.Refresh(refreshed)
			s.gate = nil
			close(gate)
			if <-done; fresh != 0 {
				t.Errorf("%q: an answer from before the refresh is fresh for %v", path, fresh)
			}
		}
	})
}

// Who reads an older listing when a version has turned out to be gone does not have the
// kernel keep that version again.
func TestForgetReachesWhoReadsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.put("d/x", "d/y")
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: time.Minute})
		defer c.Close()
		snap := open(t, c, "d")
		defer snap.Close()
		fresh := func(snap *catalog.Snapshot, i int, name string) bool {
			t.Helper()
			n, ok, err := snap.At(t.Context(), i)
			found, known := snap.Find(name)
			if err != nil || !ok || !known || n.Name != name || n.Fresh != found.Fresh {
				t.Fatalf("%+v, %v, %v; %+v, %v", n, ok, err, found, known)
			}
			return n.Fresh > 0
		}
		if !fresh(snap, 0, "x") {
			t.Fatal("a new listing is not fresh")
		}
		time.Sleep(time.Second)
		c.Forget("d/x")
		if fresh(snap, 0, "x") {
			t.Error("what is gone is fresh")
		}
		if !fresh(snap, 1, "y") {
			t.Error("another name is not fresh")
		}
		next := open(t, c, "d")
		defer next.Close()
		if !fresh(next, 0, "x") {
			t.Error("a later listing is not fresh")
		}
	})
}
