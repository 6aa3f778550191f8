package catalog_test

import (
	"context"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

// Rule 7: the metric is of what is hidden now.
func TestHiddenKeys(t *testing.T) {
	s := newSpy()
	s.put("a//x", "a/.", "b/c", "b/c/d", "e/f")
	c := newCatalog(t, catalog.Config{Bucket: s, TTL: 0})
	for _, step := range []struct {
		dir  string
		want int
	}{{"a", 2}, {"b", 3}, {"e", 3}, {"a", 3}} {
		if _, err := c.List(context.Background(), step.dir); err != nil {
			t.Fatal(err)
		}
		if got := c.HiddenKeys(); got != step.want {
			t.Errorf("after %s: %d, want %d", step.dir, got, step.want)
		}
	}
	s.Delete("b/c/d")
	if _, err := c.List(context.Background(), "b"); err != nil || c.HiddenKeys() != 2 {
		t.Errorf("after b changed: %d, %v", c.HiddenKeys(), err)
	}
}
