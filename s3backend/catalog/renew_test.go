package catalog_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

// TestRenew: a listing that is about to expire, has expired or was dropped is asked
// for anew, once and without a wait; an old one serves for guesses until then.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.put("f")
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: time.Minute})
		ctx := context.Background()
		first, _ := c.List(ctx, "")
		time.Sleep(44 * time.Second)
		if c.Renew("") {
			t.Error("renewed a fresh listing")
		}
		wantQuestions(t, s, "list ")
		time.Sleep(20 * time.Second)
		if l, complete := c.Kept(""); l != first || !complete || first.Fresh() != 0 {
			t.Error("the expired listing is not kept")
		}
		gate := make(chan struct{})
		s.mu.Lock()
		s.gate = gate
		s.mu.Unlock()
		if !c.Renew("") || c.Renew("") {
			t.Error("not renewed once")
		}
		if l, _ := c.Kept(""); l != first {
			t.Error("the old listing does not serve any more")
		}
		close(gate)
		synctest.Wait()
		second, _ := c.Kept("")
		if second == first || second.Fresh() != time.Minute {
			t.Errorf("fresh for %v", second.Fresh())
		}
		if n, err := c.Lookup(ctx, "f"); err != nil || n.Dir {
			t.Errorf("%+v, %v", n, err)
		}
		c.Forget("f")
		if l, _ := c.Kept(""); l != nil {
			t.Error("what was forgotten is kept")
		}
		if !c.Renew("") {
			t.Error("not listed again")
		}
		synctest.Wait()
		if l, err := c.List(ctx, ""); err != nil || l.Len() != 1 {
			t.Errorf("%+v, %v", l, err)
		}
		wantQuestions(t, s, "list ", "list ")
	})
	c := newCatalog(t, catalog.Config{Bucket: newSpy(), TTL: time.Second})
	if c.Renew("") {
		t.Error("renewed what would expire at once")
	}
}

// TestKeptWhileLoading: guesses can go by what is known of a long listing.
func TestKeptWhileLoading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		for i := range 20_000 {
			s.put(fmt.Sprintf("f%05d", i))
		}
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: time.Minute})
		snap, err := c.Open("")
		if err != nil {
			t.Fatal(err)
		}
		defer snap.Close()
		if _, ok, err := snap.At(context.Background(), 0); !ok || err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		part, complete := c.Kept("")
		if part == nil || complete || part.Len() == 0 || part.Len() == 20_000 {
			t.Fatalf("complete %v", complete)
		}
		if _, ok, err := snap.At(context.Background(), 19_999); !ok || err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		all, complete := c.Kept("")
		if !complete || all.Len() != 20_000 || !all.Asked().Equal(part.Asked()) {
			t.Fatalf("complete %v, %d nodes", complete, all.Len())
		}
		for _, i := range []int{0, 1, part.Len() - 1} {
			if part.At(i).Name != all.At(i).Name {
				t.Errorf("node %d has moved", i)
			}
		}
	})
}
