package catalog_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// Rule 7: what the audit finds and what the mount shows make all keys, each once.
func TestAuditFindsWhatIsNotShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := model{
			prefix:  rapid.SampledFrom([]string{"", "a/"}).Draw(t, "prefix"),
			nameMax: rapid.SampledFrom([]int{1024, 12, 3}).Draw(t, "nameMax"),
			escape:  rapid.Bool().Draw(t, "escape"), keys: genKeys(t),
		}
		mem := s3test.NewMem()
		for k, size := range m.keys {
			mem.Put(k, s3test.Bytes(make([]byte, size)))
		}
		a := catalog.NewAudit(m.prefix, m.nameMax, m.escape)
		found := map[string]catalog.Finding{}
		take := func(findings []catalog.Finding) {
			for _, f := range findings {
				if _, twice := found[f.Key]; twice || f.Reason == "" {
					t.Fatalf("%q is found twice, or for no reason", f.Key)
				}
				found[f.Key] = f
			}
		}
		for _, k := range slices.Sorted(maps.Keys(m.keys)) {
			take(a.Add(s3backend.Object{Key: k, Size: int64(m.keys[k])}))
		}
		take(a.End())
		c, err := catalog.New(catalog.Config{Bucket: mem, Prefix: m.prefix, NameMax: m.nameMax, Escape: m.escape, TTL: -1, Memory: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for k, size := range m.keys {
			rest, below := strings.CutPrefix(k, m.prefix)
			if !below || rest == "" {
				continue
			}
			path := strings.TrimSuffix(rest, "/")
			f, other := found[k]
			if other {
				path = f.Path
			}
			if m.escape && !other && strings.HasSuffix(k, "/") {
				continue // an empty marker, whose directory may be called otherwise
			}
			n, err := c.Lookup(context.Background(), path)
			shown := path != "" && (err == nil && n.Object.Key == k && !n.Dir || err == nil && n.Dir && strings.HasSuffix(k, "/") && size == 0)
			if shown != (!other || f.Path != "") {
				t.Fatalf("%q is shown: %v, and found: %+v", k, shown, f)
			}
		}
	})
}
