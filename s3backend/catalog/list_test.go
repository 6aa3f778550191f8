package catalog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func names(l *catalog.Listing) string {
	out := make([]string, l.Len())
	for i, n := range l.From(0) {
		out[i] = n.Name
		if n.Dir {
			out[i] += "/"
		}
	}
	return strings.Join(out, " ")
}

// The server sorts "a-" before "a/", so that a directory comes after names that
// it must stand before.
func TestListSortsByName(t *testing.T) {
	s := newSpy()
	s.put("a-b", "a.b", "a/1", "a", "a0", "b")
	c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1})
	l, err := c.List(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	if got := names(l); got != "a/ a-b a.b a0 b" {
		t.Fatal(got)
	}
	if l.Hidden != (catalog.Hidden{Shadowed: 1}) {
		t.Fatalf("%+v", l.Hidden)
	}
}

func TestListFailsWhole(t *testing.T) {
	s := newSpy()
	for i := range 10 {
		s.put(fmt.Sprintf("d/%d", i))
	}
	c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1})
	s.cut, s.cutErr = 5, s3backend.ErrUnavailable
	if l, err := c.List(context.Background(), "d"); l != nil || !errors.Is(err, s3backend.ErrUnavailable) {
		t.Fatalf("%v, %v", l, err)
	}
	s.cut = 0
	if l, err := c.List(context.Background(), "d"); err != nil || l.Len() != 10 {
		t.Fatalf("%v, %v", l, err)
	}
}

func TestListRefusesForeignKeys(t *testing.T) {
	s := &foreign{newSpy()}
	c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1})
	if _, err := c.List(context.Background(), "d"); !errors.Is(err, s3backend.ErrBadAnswer) {
		t.Fatal(err)
	}
}

func TestListOfNothing(t *testing.T) {
	s := newSpy()
	s.put("file")
	c := newCatalog(t, catalog.Config{Bucket: s, Prefix: "none/", TTL: -1})
	if l, err := c.List(context.Background(), ""); err != nil || l.Len() != 0 {
		t.Fatalf("the root: %v, %v", l, err)
	}
	c = newCatalog(t, catalog.Config{Bucket: s, TTL: -1})
	for _, path := range []string{"file", "none"} {
		if _, err := c.List(context.Background(), path); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%q: %v", path, err)
		}
	}
}

func TestListTimeToLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.put("f")
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: time.Minute})
		ctx := context.Background()
		first, _ := c.List(ctx, "")
		time.Sleep(59 * time.Second)
		if l, _ := c.List(ctx, ""); l != first || l.Fresh() != time.Second {
			t.Fatalf("fresh for %v", l.Fresh())
		}
		time.Sleep(time.Second)
		second, _ := c.List(ctx, "")
		if second == first || first.Fresh() != 0 || second.Sum() != first.Sum() {
			t.Fatal("not asked again, or different sums for the same names")
		}
		s.put("g")
		time.Sleep(time.Minute)
		if third, _ := c.List(ctx, ""); third.Sum() == second.Sum() {
			t.Fatal("a new name does not change the sum")
		}
		wantQuestions(t, s, "list ", "list ", "list ")
	})
}

func TestHiddenIsLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	s := newSpy()
	s.put("d\n1/..", "d\n1//x", "d\n1/ok", "d\n1/")
	s.Put("clean/", s3test.Bytes(nil))
	c := newCatalog(t, catalog.Config{Bucket: s, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	for range 3 {
		for _, dir := range []string{"d\n1", "clean"} {
			if _, err := c.List(context.Background(), dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	line := out.String()
	if strings.Count(line, "\n") != 1 || !strings.Contains(line, "unrepresentable=2") ||
		!strings.Contains(line, "marker_content=1") || !strings.Contains(line, `d\\n1`) {
		t.Fatal(line)
	}
}

func TestFolderMarkers(t *testing.T) {
	s := newSpy()
	s.Put("d/sub_$folder$", s3test.Bytes(nil))
	s.put("d/full_$folder$", "d/sub/x")
	ctx := context.Background()
	c := newCatalog(t, catalog.Config{Bucket: s})
	if l, err := c.List(ctx, "d"); err != nil || names(l) != "full_$folder$ sub/ sub_$folder$" {
		t.Fatalf("%v, %v", l, err)
	}
	c = newCatalog(t, catalog.Config{Bucket: s, HideFolderMarkers: true})
	if l, err := c.List(ctx, "d"); err != nil || names(l) != "full_$folder$ sub/" {
		t.Fatalf("%v, %v", l, err)
	}
	if _, err := c.Lookup(ctx, "d/sub_$folder$"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if _, err := c.Lookup(ctx, "d/full_$folder$"); err != nil {
		t.Fatal(err)
	}
}

func TestMarkersTime(t *testing.T) {
	s := newSpy()
	when := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	s.PutWith("d/", s3test.Bytes(nil), s3test.PutOptions{ModTime: when})
	c := newCatalog(t, catalog.Config{Bucket: s})
	n, err := c.Lookup(context.Background(), "d")
	if err != nil || !n.Dir || !n.ModTime.Equal(when) {
		t.Fatalf("%+v, %v", n, err)
	}
	l, err := c.List(context.Background(), "d")
	if err != nil || l.Len() != 0 || !l.Marker.ModTime.Equal(when) {
		t.Fatalf("%+v, %v", l, err)
	}
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.gate = make(chan struct{})
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1})
		done := make(chan error)
		go func() {
			_, err := c.Lookup(context.Background(), "f")
			done <- err
		}()
		synctest.Wait()
		c.Close()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		for _, ask := range []func() error{
			func() error { _, err := c.Lookup(context.Background(), "f"); return err },
			func() error { _, err := c.List(context.Background(), "f"); return err },
			func() error { _, err := c.Revalidate(context.Background(), "f"); return err },
		} {
			if err := ask(); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		c.Forget("f")
	})
}

// A memory of a few entries loses answers, never makes wrong ones.
func TestLittleMemory(t *testing.T) {
	s := newSpy()
	c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1, NegativeTTL: -1, Memory: 2000})
	for i := range 300 {
		s.put(fmt.Sprintf("d/%d", i))
	}
	for range 3 {
		for i := range 400 {
			_, err := c.Lookup(context.Background(), fmt.Sprintf("d/%d", i))
			if (err == nil) != (i < 300) {
				t.Fatalf("%d: %v", i, err)
			}
		}
		if l, err := c.List(context.Background(), "d"); err != nil || l.Len() != 300 {
			t.Fatal(err)
		}
	}
}
