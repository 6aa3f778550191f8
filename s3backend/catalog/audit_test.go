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
		m := model{prefix: rapid.SampledFrom([]string{"", "a/"}).Draw(t, "prefix"), nameMax: rapid.SampledFrom([]int{1024, 3}).Draw(t, "nameMax"), keys: genKeys(t)}
		mem := s3test.NewMem()
		for k, size := range m.keys {
			mem.Put(k, s3test.Bytes(make([]byte, size)))
		}
		a := catalog.NewAudit(m.prefix, m.nameMax, false)
		hidden := map[string]catalog.Reason{}
		for _, k := range slices.Sorted(maps.Keys(m.keys)) {
			for _, f := range a.Add(s3backend.Object{Key: k, Size: int64(m.keys[k])}) {
				if hidden[f.Key] != "" {
					t.Fatalf("%q is found twice", f.Key)
				}
				hidden[f.Key] = f.Reason
			}
		}
		c, err := catalog.New(catalog.Config{Bucket: mem, Prefix: m.prefix, NameMax: m.nameMax, TTL: -1, Memory: 1 << 20})
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
			n, err := c.Lookup(context.Background(), path)
			shown := path != "" && (err == nil && n.Object.Key == k && !n.Dir || err == nil && n.Dir && strings.HasSuffix(k, "/") && size == 0)
			if reason := hidden[k]; shown != (reason == "") {
				t.Fatalf("%q is shown: %v, and found: %q", k, shown, reason)
			}
		}
	})
}
