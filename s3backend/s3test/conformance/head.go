package conformance

import (
	"io/fs"
	"strings"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func testHead(s suite) {
	for _, size := range []int64{0, 1, 100, 1 << 20} {
		obj := s.put("dir/key", 1, uint32(size), size)
		switch {
		case obj.Key != "dir/key", obj.Size != size, obj.Archived():
			s.Errorf("size %d: %+v", size, obj)
		case !strings.HasPrefix(obj.ETag, `"`) || !strings.HasSuffix(obj.ETag, `"`) || len(obj.ETag) < 3:
			s.Errorf("ETag %s has no quotes", obj.ETag)
		case obj.ModTime.IsZero() || obj.ModTime.Nanosecond() != 0 || obj.ModTime.Location() != time.UTC:
			s.Errorf("ModTime %v is not in whole seconds of UTC", obj.ModTime)
		case obj.ContentType == "":
			s.Error("no ContentType")
		case s.Versioned && obj.VersionID == "":
			s.Error("no VersionID")
		}
	}
	for _, key := range []string{"none", "dir", "dir/", "dir/ke", "dir/key/more"} {
		_, err := s.Bucket.Head(s.Context(), key)
		s.wantError(err, fs.ErrNotExist, key, "head")
	}
}

func testHeadFollowsChanges(s suite) {
	one := s.put("k", 1, 1, 100)
	two := s.put("k", 1, 2, 100)
	if one.ETag == two.ETag || one.SameVersion(two) {
		s.Errorf("one tag for two contents: %s", one.ETag)
	}
	if again := s.put("k", 1, 1, 100); again.ETag != one.ETag {
		s.Errorf("two tags for one content: %s and %s", one.ETag, again.ETag)
	}
	if three := s.put("k", 1, 3, 50); three.Size != 50 {
		s.Errorf("size %d after an overwrite with 50 bytes", three.Size)
	}
	s.remove("k")
	_, err := s.Bucket.Head(s.Context(), "k")
	s.wantError(err, fs.ErrNotExist, "k", "head")
	if err := s.Put(s.Context(), "k", s3test.Bytes([]byte("x"))); err != nil {
		s.Fatal(err)
	}
	if obj := s.head("k"); obj.Size != 1 {
		s.Errorf("size %d when it was put again", obj.Size)
	}
}
