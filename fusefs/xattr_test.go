package fusefs_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func xattr(path, name string) (string, error) {
	buf := make([]byte, 2000)
	n, err := unix.Getxattr(path, name, buf)
	return string(buf[:max(n, 0)]), err
}

// Rule 21.
func TestXattrs(t *testing.T) {
	m := mount(t, setting{TTL: time.Minute})
	m.coded("d/f", 1, 1, 10*4096)
	m.put("d/", "content")
	if _, err := os.ReadDir(m.path("d")); err != nil {
		t.Fatal(err)
	}
	before := m.counts()
	f := m.path("d/f")
	buf := make([]byte, 2000)
	n, err := unix.Listxattr(f, buf)
	list := strings.Split(strings.TrimSuffix(string(buf[:max(n, 0)]), "\x00"), "\x00")
	if err != nil || !slices.Equal(list, []string{"user.s3.key", "user.s3.etag", "user.s3.storage_class", "user.zs3fs.cached", "user.zs3fs.proved"}) {
		t.Fatalf("%q, %v", list, err)
	}
	if size, err := unix.Listxattr(f, nil); err != nil || size != n {
		t.Fatalf("the list's size: %d, %v; want %d", size, err, n)
	}
	if _, err := unix.Listxattr(f, buf[:5]); !errors.Is(err, unix.ERANGE) {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"user.s3.key": "d/f", "user.s3.storage_class": "STANDARD", "user.zs3fs.cached": "0/10 blocks",
		"user.zs3fs.storage_class": "STANDARD", "user.zs3fs.proved": "unproved",
	} {
		if got, err := xattr(f, name); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", name, got, err, want)
		}
	}
	if etag, err := xattr(f, "user.s3.etag"); err != nil || !strings.HasPrefix(etag, `"`) {
		t.Errorf("%q, %v", etag, err)
	}
	for name, want := range map[string]error{
		"user.none": unix.ENODATA, "security.capability": unix.EOPNOTSUPP, "security.selinux": unix.EOPNOTSUPP, "system.posix_acl_access": unix.EOPNOTSUPP,
	} {
		if _, err := xattr(f, name); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := m.counts(); after.Heads != before.Heads || after.Lists != before.Lists {
		t.Errorf("attributes that are known cost %+v after %+v", after, before)
	}
	if size, err := unix.Getxattr(f, "user.s3.key", nil); err != nil || size != 3 {
		t.Errorf("%d, %v", size, err)
	}
	if _, err := unix.Getxattr(f, "user.s3.key", buf[:2]); !errors.Is(err, unix.ERANGE) {
		t.Error(err)
	}
	if got, err := xattr(f, "user.s3.content_type"); err != nil || got != "binary/octet-stream" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := os.ReadFile(f); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		got, err := xattr(f, "user.zs3fs.cached")
		if err == nil && got == "10/10 blocks" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if got, err := xattr(m.path("d"), "user.zs3fs.hidden"); err != nil ||
		got != "total=1 unrepresentable=0 shadowed=0 marker_content=1 too_long=0" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := xattr(m.path("d"), "user.s3.key"); err != nil || got != "d/" {
		t.Errorf("%q, %v", got, err)
	}
}
