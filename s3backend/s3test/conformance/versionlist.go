package conformance

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/zs3fs/zs3fs/s3backend"
)

// lister is the bucket's optional part, which every store that the suite runs on
// has.
func (s suite) lister() s3backend.VersionLister {
	s.Helper()
	l, ok := s.Bucket.(s3backend.VersionLister)
	if !ok {
		s.Fatalf("%T is no VersionLister", s.Bucket)
	}
	return l
}

// versions returns all versions after from, in pages of a size.
func (s suite) versions(prefix string, from s3backend.VersionMark, size int) []s3backend.Version {
	s.Helper()
	var all []s3backend.Version
	for {
		page, err := s.lister().Versions(s.Context(), prefix, from, size)
		if err != nil {
			s.Fatalf("versions of %q after %+v: %v", prefix, from, err)
		}
		if len(page.Versions) > size {
			s.Errorf("a page of %d versions, want %d at most", len(page.Versions), size)
		}
		all = append(all, page.Versions...)
		if !page.More {
			return all
		}
		from = page.Next
	}
}

// brief is what of the versions is compared: a put's id and size, "deleted".
func brief(versions []s3backend.Version) []string {
	var out []string
	for _, v := range versions {
		o := v.Object
		switch {
		case o.ModTime.IsZero() || o.VersionID == "":
			out = append(out, fmt.Sprintf("incomplete: %+v", v))
		case v.Deleted:
			out = append(out, o.Key+" deleted")
		default:
			out = append(out, fmt.Sprintf("%s %s %s %d", o.Key, o.VersionID, o.ETag, o.Size))
		}
	}
	return out
}

func testVersions(s suite) {
	l := s.lister()
	kept, err := l.Versioning(s.Context())
	if err != nil || kept != s.Versioned {
		s.Fatalf("versioning: %t, %v", kept, err)
	}
	if !s.Versioned {
		s.put("k", 1, 1, 10)
		if got := s.versions("", s3backend.VersionMark{}, 1000); len(got) != 1 || got[0].Object.VersionID != "null" || got[0].Deleted {
			s.Errorf("versions without versioning: %+v", got)
		}
		return
	}
	put := func(key string, version uint32) string {
		o := s.put(key, 1, version, int64(10*version))
		return brief([]s3backend.Version{{Object: o}})[0]
	}
	k1, k2 := put("k", 1), put("k", 2)
	s.remove("k")
	k3 := put("k", 3)
	b, c, z := put("a/b", 1), put("a/c", 1), put("z z", 1)
	s.remove("a/c")
	want := []string{b, "a/c deleted", c, k3, "k deleted", k2, k1, z}
	// Not of 1: versitygw begins at the mark, and never gets past it.
	for _, size := range []int{2, 3, 4, 1000} {
		if got := brief(s.versions("", s3backend.VersionMark{}, size)); !slices.Equal(got, want) {
			s.Errorf("pages of %d: %q, want %q", size, got, want)
		}
	}
	if got := brief(s.versions("a/", s3backend.VersionMark{}, 2)); !slices.Equal(got, want[:3]) {
		s.Errorf("below a/: %q, want %q", got, want[:3])
	}
	// A mark that is no key: past all that starts with "a/".
	if got := brief(s.versions("", s3backend.VersionMark{Key: "a/\U0010FFFF"}, 2)); !slices.Equal(got, want[3:]) {
		s.Errorf("after a/: %q, want %q", got, want[3:])
	}
	s.headVersions(s.versions("", s3backend.VersionMark{}, 1000))
	if _, err := l.HeadVersion(s.Context(), "k", ""); err == nil {
		s.Error("the head of no version")
	}
	_, err = l.Versions(s.Context(), "p", s3backend.VersionMark{}, 0)
	s.wantError(err, fs.ErrInvalid, "p", "versions")
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	_, err = l.Versions(ctx, "p", s3backend.VersionMark{}, 1)
	s.wantError(err, context.Canceled, "p", "versions")
}

// headVersions asks for each version by itself, and reads it.
func (s suite) headVersions(all []s3backend.Version) {
	s.Helper()
	for _, v := range all {
		obj, err := s.lister().HeadVersion(s.Context(), v.Object.Key, v.Object.VersionID)
		if v.Deleted {
			s.wantError(err, fs.ErrNotExist, v.Object.Key, "head")
			continue
		}
		if err != nil || obj.ContentType == "" || !obj.SameVersion(v.Object) || !obj.ModTime.Equal(v.Object.ModTime) {
			s.Errorf("head of %+v: %+v, %v", v.Object, obj, err)
		}
		if err := s.check(v.Object, 1, uint32(v.Object.Size/10), 0, v.Object.Size); err != nil {
			s.Errorf("%+v: %v", v.Object, err)
		}
	}
}

// testVersionsOfAwkwardKeys: names pass as they do in other listings.
func testVersionsOfAwkwardKeys(s suite) {
	keys := []string{"a b", "a+b", "a%2Fb", "a&b", "é", "😀", "<a>", "d/" + strings.Repeat("n", 200)}
	if !s.PathKeys {
		keys = append(keys, "a//b", "../x")
	}
	if !s.PathKeys && !s.XMLKeys {
		keys = append(keys, "a\nb", "\x01")
	}
	s.putAll(keys)
	slices.Sort(keys)
	for _, size := range []int{2, 1000} {
		var got []string
		for _, v := range s.versions("", s3backend.VersionMark{}, size) {
			got = append(got, v.Object.Key)
		}
		if !slices.Equal(got, keys) {
			s.Errorf("pages of %d: %q, want %q", size, got, keys)
		}
	}
}
