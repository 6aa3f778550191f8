package s3backend_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

func TestHead(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		h := w.Header()
		h.Set("ETag", `"x-3"`)
		h.Set("Content-Length", "54975581388")
		h.Set("Last-Modified", "Mon, 06 May 2024 07:08:09 GMT")
		h.Set("Content-Type", "text/x")
		h.Set("X-Amz-Version-Id", "v1")
		h.Set("X-Amz-Storage-Class", "DEEP_ARCHIVE")
		h.Set("X-Amz-Restore", `ongoing-request="false", expiry-date="Fri, 21 Dec 2029 00:00:00 GMT"`)
		h.Set("Content-Encoding", "gzip")
	})
	got, err := f.client(t).Head(context.Background(), "k")
	want := s3backend.Object{
		Key: "k", ETag: `"x-3"`, VersionID: "v1", Size: 54975581388, ContentType: "text/x",
		ModTime: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), StorageClass: "DEEP_ARCHIVE", Restored: true,
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Keys reach the server byte for byte, whatever a path would make of them.
func TestKeys(t *testing.T) {
	var got string
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		got = r.URL.Path
		w.Header().Set("Content-Length", "1")
		w.Header().Set("ETag", etag)
	})
	c := f.client(t)
	for _, key := range []string{
		"a", "a/b", "a//b", "/a", "a/", ".", "..", "a/../b", "./a", "//", "a b", "a+b", "%25", "a%2Fb", "?x=1#y", "&<>\"'\\",
		"\x01\n\r\t\x7f", "\u00e9", "e\u0301", "\xff\xfe", "*", "~", "emoji \U0001F600", "a:b@c=d,e;f$g!", " lead", "trail ",
	} {
		if _, err := c.Head(context.Background(), key); err != nil || got != "/bucket/"+key {
			t.Errorf("key %q: asked %q, %v", key, got, err)
		}
	}
}

func TestHeadErrors(t *testing.T) {
	rows := []struct {
		name     string
		status   int
		want     error
		requests int
	}{
		{"missing", 404, fs.ErrNotExist, 1},
		{"refused", 403, fs.ErrPermission, 2},
		{"delete marker", 405, fs.ErrNotExist, 1},
		{"HEAD forbidden by a gateway", 405, s3backend.ErrBadAnswer, 1},
		{"a web server's page", 200, s3backend.ErrBadAnswer, 3},
		{"failing", 500, s3backend.ErrUnavailable, 3},
	}
	for _, row := range rows {
		f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			if row.name == "delete marker" {
				w.Header().Set("x-amz-delete-marker", "true")
			}
			w.WriteHeader(row.status)
		})
		_, err := f.client(t).Head(context.Background(), "k")
		if !errors.Is(err, row.want) || f.count() != row.requests {
			t.Errorf("%s: %v after %d requests", row.name, err, f.count())
		}
	}
}

// An answer to HEAD has no code: a 400 is asked again by GET, which has one.
func TestHeadReason(t *testing.T) {
	for code, want := range map[string]error{
		"ExpiredToken":    s3backend.ErrCredentials,
		"KeyTooLongError": fs.ErrNotExist,
		"InvalidRequest":  s3backend.ErrBadAnswer,
	} {
		f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { fail(w, 400, code) })
		if _, err := f.client(t).Head(context.Background(), "k"); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", code, err, want)
		}
	}
}

func TestInvalid(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {})
	c := f.client(t)
	const most = 1<<63 - 1
	for _, row := range [][2]int64{{-1, 1}, {0, 0}, {0, -1}, {0, objectSize + 1}, {objectSize, 1}, {1, objectSize}, {most, most}, {1, most}} {
		if _, err := c.Open(context.Background(), object, row[0], row[1]); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Open(%d, %d): %v", row[0], row[1], err)
		}
	}
	if _, err := c.Head(context.Background(), ""); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("Head of no key: %v", err)
	}
	if f.count() != 0 {
		t.Errorf("%d requests", f.count())
	}
}
