package fusefs

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

const followedPrefix = "pre/fix/" // of the mount

// followed returns a tree of a bucket with the given keys, below the mount's prefix, of
// which the directories are listed.
func followed(t testing.TB, b s3backend.Bucket, escape bool, listed ...string) *tree {
	t.Helper()
	cat, err := catalog.New(catalog.Config{Bucket: b, Prefix: followedPrefix, TTL: -1, Escape: escape})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cat.Close() })
	for _, dir := range listed {
		if _, err := cat.List(context.Background(), dir); err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
	}
	return newTree(Config{Catalog: cat})
}

// keys returns a bucket with objects below the mount's prefix; "!" after one has it archived, and
// "*" too large for a small file.
func keys(names ...string) *s3test.Mem {
	b := s3test.NewMem()
	for _, name := range names {
		o := s3test.PutOptions{}
		if s, ok := strings.CutSuffix(name, "!"); ok {
			name, o.StorageClass = s, "GLACIER"
		}
		content := s3test.Bytes([]byte("x"))
		if s, ok := strings.CutSuffix(name, "*"); ok {
			name, content = s, s3test.Coded(1, 1, prefetch.SmallFile+1)
		}
		b.PutWith(followedPrefix+name, content, o)
	}
	return b
}

func anyObject(s3backend.Object) bool { return true }

// Which files come after another one.
func TestFollowing(t *testing.T) {
	partitions := []string{"t/_delta_log/0", "t/dt=1/a", "t/dt=1/b", "t/dt=2/.a.crc", "t/dt=2/_SUCCESS", "t/dt=2/a", "t/dt=3/a", "t/z"}
	years := []string{"t/y=1/m=1/a", "t/y=1/m=2/a", "t/y=1/x", "t/y=2/m=1/a", "t/y=2/m=1/d/a", "t/y=3/a"}
	for _, c := range []struct {
		is     string
		keys   []string
		listed []string
		escape bool
		after  string
		n      int
		want   []string
	}{
		{"root", []string{"a", "b", "c", "d/a"}, []string{""}, false, "a", 9, []string{"b", "c"}},
		{"flat", []string{"d/a", "d/b", "d/c", "e/a"}, []string{"d"}, false, "d/a", 9, []string{"d/b", "d/c"}},
		{"as many as wanted", []string{"d/a", "d/b", "d/c"}, []string{"d"}, false, "d/a", 1, []string{"d/b"}},
		{"none", []string{"d/a", "d/b"}, []string{"d"}, false, "d/a", 0, nil},
		{"the last one", []string{"d/a", "d/b"}, []string{"d", ""}, false, "d/b", 9, nil},
		{"gone", []string{"d/a", "d/c"}, []string{"d"}, false, "d/b", 9, []string{"d/c"}},
		{"not listed", []string{"d/a", "d/b"}, []string{""}, false, "d/a", 9, nil},
		{"hidden", []string{"d/.b.crc", "d/_SUCCESS", "d/_delta_log/0", "d/A", "d/b"}, []string{"d"}, false, "d/A", 9, []string{"d/b"}},
		{"archived", []string{"d/a", "d/b!", "d/c"}, []string{"d"}, false, "d/a", 9, []string{"d/c"}},
		{"partitions", partitions, []string{"t", "t/dt=1", "t/dt=2", "t/dt=3"}, false, "t/dt=1/a", 9, []string{"t/dt=1/b", "t/dt=2/a", "t/dt=3/a"}},
		{"partition not listed", partitions, []string{"t", "t/dt=1", "t/dt=3"}, false, "t/dt=1/a", 9, []string{"t/dt=1/b"}},
		{"partitions not listed", partitions, []string{"t/dt=1", "t/dt=2"}, false, "t/dt=1/a", 9, []string{"t/dt=1/b"}},
		{"partition gone", partitions, []string{"t", "t/dt=2", "t/dt=3"}, false, "t/dt=1x/a", 9, nil},
		{"two levels", years, []string{"", "t", "t/y=1", "t/y=2", "t/y=3", "t/y=1/m=1", "t/y=1/m=2", "t/y=2/m=1"}, false,
			"t/y=1/m=1/a", 9, []string{"t/y=1/m=2/a", "t/y=2/m=1/a"}},
		{"around the slash", []string{"t/dt=1-x/a", "t/dt=1/a", "t/dt=10/a"}, []string{"t", "t/dt=1", "t/dt=1-x", "t/dt=10"}, false,
			"t/dt=1/a", 9, []string{"t/dt=1-x/a", "t/dt=10/a"}},
		{"a file called as its directory", []string{"a/a", "a/b", "b/a"}, []string{"", "a", "b"}, false, "a/a", 9, []string{"a/b", "b/a"}},
		{"no UTF-8", []string{"d\xff/a", "d\xff/\xfe", "e\xff/a"}, []string{"d\xff"}, false, "d\xff/a", 9, []string{"d\xff/\xfe"}},
		{"escaped", []string{"d/a", "d/b\x00", "d/c//d", "d/d", "d/d/e", "e//a", "e/./a"}, []string{"", "d", "d/c", "d/d", "e", "e/／", "e/．"}, true,
			"d/a", 9, []string{"d/b␀", "d/d‛file"}},
		{"escaped directories", []string{"e//a", "e/./a", "e/../a"}, []string{"", "e", "e/／", "e/．", "e/．．"}, true,
			"e/．/a", 9, []string{"e/．．/a", "e/／/a"}},
		{"deeper than looked", []string{"1/2/3/4/5/6/7/8/9/a", "1/2/3/4/5/6/7/8/9/b"}, []string{"1/2/3/4/5/6/7/8/9"}, false,
			"1/2/3/4/5/6/7/8/9/a", 9, []string{"1/2/3/4/5/6/7/8/9/b"}},
	} {
		b := keys(c.keys...)
		tr := followed(t, b, c.escape, c.listed...)
		var got []string
		for _, next := range tr.following(c.after, c.n, anyObject) {
			got = append(got, next.Path)
			// It is known by the path of its inode, once it is opened, and of that version.
			d := &dir{t: tr, path: parentPath(next.Path)}
			n, err := tr.cfg.Catalog.Lookup(context.Background(), next.Path)
			if err != nil || !n.Object.SameVersion(next.Object) {
				t.Errorf("%s: %q is %+v, and looked up %+v: %v", c.is, next.Path, next.Object, n.Object, err)
				continue
			}
			if p := newFile(d, n.Name, n.Object).path(); p != next.Path {
				t.Errorf("%s: %q is opened as %q", c.is, next.Path, p)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.is, got, c.want)
		}
	}
}

// Of a directory no more than maxLooks names are looked at, wanted or not, hidden or directories.
func TestFollowingLooks(t *testing.T) {
	names := []string{"d/a*"}
	for i := range maxLooks {
		names = append(names, fmt.Sprintf("d/b%04d*", i))
	}
	tr := followed(t, keys(append(names, "d/c*")...), false, "d")
	looks := 0
	for _, c := range []struct {
		after string
		want  int
	}{{"d/a", 0}, {"d/b0001", 1}} {
		looks = 0
		got := tr.following(c.after, 1, func(o s3backend.Object) bool {
			looks++
			return path.Base(o.Key) == "c"
		})
		if len(got) != c.want || looks > maxLooks {
			t.Errorf("after %s: %v with %d looks", c.after, got, looks)
		}
	}
}

// halted gives the first page of a listing below a prefix, and no other one.
type halted struct {
	*s3test.Mem
	below string
}

func (h halted) Pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		for page, err := range h.Mem.Pages(ctx, span) {
			if !yield(page, err) {
				return
			}
			if strings.HasPrefix(span.Prefix, h.below) {
				<-ctx.Done()
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

// What comes behind the names of a directory so far nobody knows: the next directory's files
// do not come next.
func TestFollowingUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := halted{keys("t/1/a", "t/1/b", "t/1/c", "t/1/d", "t/2/a"), followedPrefix + "t/1/"}
		b.SetPageSize(3)
		cat, err := catalog.New(catalog.Config{Bucket: b, Prefix: followedPrefix, TTL: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer cat.Close()
		for _, dir := range []string{"t", "t/2"} {
			if _, err := cat.List(context.Background(), dir); err != nil {
				t.Fatal(err)
			}
		}
		s, err := cat.Open("t/1")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, _, err := s.At(context.Background(), 0); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, next := range newTree(Config{Catalog: cat}).following("t/1/a", 9, anyObject) {
			got = append(got, next.Path)
		}
		// The page's last name is held back, as a directory may come before it.
		if want := []string{"t/1/b"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// Small files of a directory that is followed by itself are none of those beside it:
// nobody tells of their opens.
func TestFollowingLeavesOutWhatIsWalked(t *testing.T) {
	names := []string{"t/1/a", "t/1/b*", "t/3/a"}
	for i := range partitionFiles {
		names = append(names, fmt.Sprintf("t/2/b%02d", i))
	}
	tr := followed(t, keys(append(names, "t/2/c*")...), false, "t", "t/1", "t/2", "t/3")
	var got []string
	for _, next := range tr.following("t/1/a", 32, anyObject) {
		got = append(got, next.Path)
	}
	if want := []string{"t/1/b", "t/2/c", "t/3/a"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// BenchmarkFollowing: what an open costs in a directory of 100,000 files, of which the next 32
// are wanted, or none; and where each is a directory of its own.
func BenchmarkFollowing(b *testing.B) {
	const files = 100_000
	var flat, deep []string
	for i := range files {
		flat = append(flat, fmt.Sprintf("d/part-%08d.parquet*", i))
	}
	dirs := []string{"t"}
	for i := range 2000 {
		dirs = append(dirs, fmt.Sprintf("t/dt=%04d", i))
		deep = append(deep, fmt.Sprintf("t/dt=%04d/part-0.parquet*", i))
	}
	wide := followed(b, keys(flat...), false, "d")
	partitioned := followed(b, keys(deep...), false, dirs...)
	for _, c := range []struct {
		is     string
		tr     *tree
		after  string
		wanted bool
	}{
		{"wanted", wide, "d/part-00050000.parquet", true},
		{"unwanted", wide, "d/part-00050000.parquet", false},
		{"partitions", partitioned, "t/dt=0100/part-0.parquet", true},
		{"unwanted partitions", partitioned, "t/dt=0100/part-0.parquet", false},
	} {
		b.Run(c.is, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.tr.following(c.after, 32, func(s3backend.Object) bool { return c.wanted })
			}
		})
	}
}

// Behind a file come those of higher inode numbers, of the files that are followed.
func TestFollowingInodeOrder(t *testing.T) {
	large := []string{"d/a", "d/b", "d/c", "d/e", "d/f", "d/g"}
	var names []string
	for _, name := range large {
		names = append(names, name+"*")
	}
	for i := range partitionFiles {
		names = append(names, fmt.Sprintf("d/small%d", i)) // more than a partition has
	}
	tr := followed(t, keys(append(names, "d/.hidden*", "d/archived!", "d/dir/x*", "d/unwanted*")...), false, "d")
	list, _ := tr.cfg.Catalog.Kept("d")
	o := tr.orders.of(&dir{t: tr, path: "d"}, list)
	slices.SortFunc(large, func(a, b string) int { return cmp.Compare(tr.ino(a), tr.ino(b)) })
	wanted := func(o s3backend.Object) bool { return path.Base(o.Key) != "unwanted" }
	for i, after := range large {
		for n := range len(large) {
			var got []string
			for _, next := range o.following(inodeOrderTag+after, n, wanted) {
				got = append(got, strings.TrimPrefix(next.Path, inodeOrderTag))
				if next.Object.Key != followedPrefix+got[len(got)-1] {
					t.Errorf("%s is %s", next.Path, next.Object.Key)
				}
			}
			if want := large[i+1 : min(i+1+n, len(large))]; !slices.Equal(got, want) {
				t.Errorf("%d after %s: %q, want %q", n, after, got, want)
			}
		}
	}
}
