package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

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
