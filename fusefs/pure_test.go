package fusefs_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/fusefs"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

func TestErrno(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want syscall.Errno
	}{
		{nil, 0},
		{context.Canceled, syscall.EINTR},
		{context.DeadlineExceeded, syscall.EIO},
		{&catalog.AbsentError{}, syscall.ENOENT},
		{fs.ErrPermission, syscall.EACCES},
		{s3backend.ErrCredentials, syscall.EACCES},
		{s3backend.ErrArchived, syscall.EACCES},
		{s3backend.ErrChanged, syscall.ESTALE},
		{s3backend.ErrThrottled, syscall.EIO},
		{s3backend.ErrUnavailable, syscall.EIO},
		{s3backend.ErrBadAnswer, syscall.EIO},
		{s3backend.ErrNoBucket, syscall.EIO},
		{s3backend.ErrRegion, syscall.EIO},
		{errors.New("anything"), syscall.EIO},
	} {
		err := tt.err
		if err != nil {
			err = fmt.Errorf("wrapped: %w", &s3backend.OpError{Op: "read", Key: "k", Err: err})
		}
		if got := fusefs.ErrnoOf(err); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.err, got, tt.want)
		}
	}
}

// A number alone does not say that credentials were refused, or what failed.
func TestFailuresAreLogged(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string // begins the line; empty: none is logged
	}{
		{s3backend.ErrUnavailable, "level=ERROR"},
		{context.Canceled, "level=ERROR"}, // of the mount, since the request's own goes on
		{s3backend.ErrCredentials, "level=WARN"},
		{fs.ErrPermission, "level=WARN"},
		{s3backend.ErrArchived, ""}, // has a line of its own
		{s3backend.ErrChanged, ""},
		{&catalog.AbsentError{}, ""},
	} {
		var out strings.Builder
		log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		}))
		fusefs.Answer(log, &s3backend.OpError{Op: "read", Key: "k", Err: tt.err})
		line := out.String()
		if !strings.HasPrefix(line, tt.want) || (line == "") != (tt.want == "") || strings.Count(line, "\n") > 1 {
			t.Errorf("%v: %q", tt.err, line)
		}
		if tt.want != "" && (!strings.Contains(line, tt.err.Error()) || !strings.Contains(line, "op=read")) {
			t.Errorf("%v: %q", tt.err, line)
		}
	}
}

func TestIdentity(t *testing.T) {
	// Frozen: programs such as tar and backup tools keep inode numbers.
	if got := fusefs.InoOf("s3://bucket/p", "a/b"); got != 0xc019c9fda63a42cf {
		t.Errorf("%#x", got)
	}
	if fusefs.InoOf("s3://bucket/p/", "a/b") != fusefs.InoOf("s3://bucket", "p/a/b") {
		t.Error("a key has two numbers")
	}
	base := s3backend.Object{Key: "k", ETag: `"e"`, Size: 5}
	same := base
	same.VersionID, same.ModTime, same.ContentType = "v", time.Now(), "text/plain"
	if fusefs.GenerationOf(base) != fusefs.GenerationOf(same) {
		t.Error("what a listing does not know makes another version")
	}
	for _, other := range []s3backend.Object{
		{Key: "k2", ETag: `"e"`, Size: 5}, {Key: "k", ETag: `"f"`, Size: 5}, {Key: "k", ETag: `"e"`, Size: 6},
		{Key: `k"`, ETag: `e"`, Size: 5},
	} {
		if fusefs.GenerationOf(base) == fusefs.GenerationOf(other) {
			t.Errorf("%+v is the same version", other)
		}
	}
}

func TestKernelTTL(t *testing.T) {
	for _, tt := range []struct{ limit, fresh, want time.Duration }{
		{time.Minute, time.Second, 980 * time.Millisecond},
		{time.Second, time.Minute, 980 * time.Millisecond},
		{0, time.Minute, 0},
		{time.Minute, 20 * time.Millisecond, 0},
		{time.Minute, time.Millisecond, 0},
		{-1, time.Minute, 59980 * time.Millisecond},
		{-1, math.MaxInt64, math.MaxInt64 - 20*time.Millisecond},
	} {
		if got := fusefs.KernelTTL(tt.limit, tt.fresh); got != tt.want {
			t.Errorf("%v, %v: %v", tt.limit, tt.fresh, got)
		}
	}
}

// A label with categories has a comma, at which the kernel would end it but for quotes.
func TestLabelsAreQuoted(t *testing.T) {
	const label = "context=system_u:object_r:t:s0:c1,c2"
	want := `fscontext=u:r:t:s0,context="system_u:object_r:t:s0:c1,c2"`
	if got := fusefs.MountData("noatime", "fscontext=u:r:t:s0", label); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// An inode that a lookup has met in the moment of its FORGET is forgotten once more.
func TestRetiredInodeIsForgottenTwice(t *testing.T) {
	if got := fusefs.ForgetTwice(s3backend.Object{Key: "f", ETag: `"e"`, Size: 1}); fmt.Sprint(got) != "[1 1 0]" {
		t.Errorf("versions known: %v", got)
	}
}

// An inode that a lookup meets in the moment of its FORGET comes back, and is counted once
// for each time that it is there, in whatever order the two are noticed.
func TestInodesAreCountedOnce(t *testing.T) {
	for events, want := range map[string][]int64{
		"f":    {0},
		"lf":   {2, 0},
		"ff":   {0, 0},    // the second lookup has not noticed the first FORGET
		"flf":  {0, 2, 0}, // or has
		"flff": {0, 2, 0, 0},
		"fflf": {0, 0, 2, 0},
	} {
		if got := fusefs.ForgetAndMeet(events); !slices.Equal(got, want) {
			t.Errorf("%s: %v inodes, want %v", events, got, want)
		}
	}
	if n := fusefs.ForgetRoot(); n != 0 {
		t.Errorf("%d inodes after the root, which is not counted, was forgotten", n)
	}
}
