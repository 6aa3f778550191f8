package catalog_test

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

func genNode(t *rapid.T, below string) catalog.Node {
	name := rapid.OneOf(rapid.StringN(1, 30, 60), rapid.StringMatching(`part-0{0,3}[0-9]{1,5}`)).Draw(t, "name")
	if rapid.Bool().Draw(t, "dir") {
		return catalog.Node{Name: name, Dir: true}
	}
	o := s3backend.Object{
		Key:  below + name,
		Size: rapid.Int64Range(0, 50<<40).Draw(t, "size"),
		ETag: rapid.OneOf(rapid.StringMatching(`"[0-9a-f]{32}(-[0-9]{1,5})?"`), rapid.StringMatching(`"[0-9a-fA-F]{30,34}-?0?"`),
			rapid.String()).Draw(t, "etag"),
		StorageClass: rapid.SampledFrom([]string{"", "STANDARD", "GLACIER", "x"}).Draw(t, "class"),
		VersionID:    rapid.SampledFrom([]string{"", "", "v1"}).Draw(t, "version"),
		ContentType:  rapid.SampledFrom([]string{"", "", "text/plain"}).Draw(t, "type"),
		Restored:     rapid.Bool().Draw(t, "restored"),
	}
	if rapid.Bool().Draw(t, "dated") {
		o.ModTime = time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "mtime"), 0).UTC()
	}
	return catalog.Node{Name: name, Object: o, ModTime: o.ModTime}
}

// What is packed comes out the same, from any place on and by name.
func TestPackedNodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		below := rapid.SampledFrom([]string{"", "a/", "a/é/"}).Draw(t, "below")
		var nodes []catalog.Node
		for range rapid.IntRange(0, 60).Draw(t, "n") {
			nodes = append(nodes, genNode(t, below))
		}
		slices.SortFunc(nodes, func(a, b catalog.Node) int { return strings.Compare(a.Name, b.Name) })
		nodes = slices.CompactFunc(nodes, func(a, b catalog.Node) bool { return a.Name == b.Name })
		l, _ := catalog.Repack(nodes, below)
		for from := range nodes {
			for i, n := range l.From(from) {
				if n != nodes[i] {
					t.Fatalf("%d from %d: %+v, want %+v", i, from, n, nodes[i])
				}
			}
			if n := l.At(from); n != nodes[from] {
				t.Fatalf("%d: %+v, want %+v", from, n, nodes[from])
			}
		}
		for range 20 {
			name := rapid.String().Draw(t, "searched")
			if len(nodes) > 0 && rapid.Bool().Draw(t, "there") {
				name = rapid.SampledFrom(nodes).Draw(t, "node").Name
			}
			want, found := slices.BinarySearchFunc(nodes, name, func(n catalog.Node, name string) int {
				return strings.Compare(n.Name, name)
			})
			if got := l.Search(name); got != want {
				t.Fatalf("search %q: %d, want %d", name, got, want)
			}
			if n, ok := l.Find(name); ok != found || ok && n != nodes[want] {
				t.Fatalf("find %q: %+v, %v", name, n, ok)
			}
		}
	})
}

// A field added to Object must be packed too: this fills each.
func TestPackedObjectIsWhole(t *testing.T) {
	o := s3backend.Object{Key: "d/f"}
	v := reflect.ValueOf(&o).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Interface().(type) {
		case string:
			if v.Type().Field(i).Name != "Key" {
				f.SetString(v.Type().Field(i).Name)
			}
		case int64:
			f.SetInt(7)
		case bool:
			f.SetBool(true)
		case time.Time:
			f.Set(reflect.ValueOf(time.Unix(1234567890, 0).UTC()))
		default:
			t.Fatalf("a new kind of field: %s", v.Type().Field(i).Name)
		}
	}
	l, _ := catalog.Repack([]catalog.Node{{Name: "f", Object: o, ModTime: o.ModTime}}, "d/")
	if got := l.At(0).Object; got != o {
		t.Fatalf("%+v, want %+v", got, o)
	}
}

// "Compact": a million files named alike stay far below 64 MiB.
func TestPackedSize(t *testing.T) {
	var nodes []catalog.Node
	for i := range 1000 {
		name := fmt.Sprintf("part-%07d.parquet", i*977)
		nodes = append(nodes, catalog.Node{Name: name, Object: s3backend.Object{
			Key: "d/" + name, Size: int64(100_000_000 + i*7919), ETag: fmt.Sprintf(`"%032x"`, i*104729),
			ModTime: time.Unix(1_700_000_000+int64(i%977), 0).UTC(), StorageClass: "STANDARD",
		}})
	}
	if _, bytes := catalog.Repack(nodes, "d/"); bytes > 50_000 {
		t.Fatalf("%d bytes for 1,000 nodes", bytes)
	}
}

// A listing that is kept holds what is counted of it, and not the nodes that it was
// made from.
func TestListingsHoldWhatIsCounted(t *testing.T) {
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, counted := heap(), int64(0)
	kept := make([]*catalog.Listing, 200)
	for i := range kept {
		prefix := fmt.Sprintf("d%03d/", i)
		var entries []s3backend.Entry
		for j := range 100 {
			entries = append(entries, s3backend.Entry{Object: s3backend.Object{Key: fmt.Sprintf("%s%03d", prefix, j), ETag: `"d41d8cd98f00b204e9800998ecf8427e"`}})
		}
		l, n := catalog.Counted(prefix, entries)
		kept[i], counted = l, counted+n
	}
	if held := heap() - before; held > 2*counted {
		t.Errorf("%d listings hold %d bytes, counted are %d", len(kept), held, counted)
	}
	runtime.KeepAlive(kept)
}
