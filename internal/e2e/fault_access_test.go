package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// TestFaultF18AccessDenied: EACCES for the key, not asked for in a loop; the rest
// works.
func TestFaultF18AccessDenied(t *testing.T) {
	s := newStand(t)
	f, other := s.put("secret/f", 100*kib), s.put("open/f", 100*kib)
	s.mount("--list-ahead=off")   // which would know secret/ before it is refused
	h := f.open(t, unix.O_DIRECT) // may be opened: only its bytes are refused
	fault := s.server.Inject(s3test.Fault{Do: s3test.AccessDenied(), Match: s3test.Match{
		Where: func(r s3test.Request) bool { return strings.HasPrefix(r.Key, "secret/") },
	}})
	if err := f.readAt(h, 0, 4096); !errors.Is(err, unix.EACCES) {
		t.Errorf("read: %v, want EACCES", err)
	}
	if n := fault.Hits(); n == 0 || n > 3 {
		t.Errorf("the server was asked %d times", n)
	}
	if _, err := os.Stat(filepath.Join(s.mnt, "secret/other")); !errors.Is(err, unix.EACCES) {
		t.Errorf("stat of a name whose HEAD and LIST are refused: %v, want EACCES", err)
	}
	other.verify(t)
	s.server.ClearFaults()
	if err := f.readAt(h, 0, 4096); err != nil {
		t.Errorf("read when access is allowed again: %v", err)
	}
	f.verify(t)
}

// process is the configuration of a profile whose credentials a program prints.
func credentialProcess(t *testing.T, s *stand) (environ, file string) {
	file = filepath.Join(s.dir, "credentials.json")
	config := filepath.Join(s.dir, "config")
	write(t, config, fmt.Appendf(nil, "[default]\ncredential_process = cat %s\n", file))
	return "env.AWS_CONFIG_FILE=" + config, file
}

func credentials(key, secret string) []byte {
	return fmt.Appendf(nil, `{"Version":1,"AccessKeyId":%q,"SecretAccessKey":%q,"SessionToken":"","Expiration":"2099-01-01T00:00:00Z"}`, key, secret)
}

// TestFaultF19ExpiredToken: credentials that expire under a reader are fetched
// again, and it notices nothing; when no good ones are to be had it is EACCES,
// and it works again as soon as they return.
func TestFaultF19ExpiredToken(t *testing.T) {
	s := newStand(t)
	f := s.put("f", 20*mib)
	config, file := credentialProcess(t, s)
	write(t, file, credentials(accessKey, canary))
	s.mountWithout([]string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE"},
		append([]string{"-o", config}, "--read-ahead", "0", "--read-part-size", "1MiB")...)
	fault := s.server.Inject(s3test.Fault{Do: s3test.ExpiredToken(), Match: s3test.Match{Op: s3test.OpGet, First: 5, Times: 1}})
	f.verify(t)
	if fault.Hits() != 1 {
		t.Errorf("%d requests met the fault", fault.Hits())
	}
	g := s.put("g", 100*kib)
	h := g.open(t, unix.O_DIRECT)
	write(t, file, credentials("AKIDOLD", canary))
	s.server.Inject(s3test.Fault{Do: s3test.ExpiredToken(), Match: s3test.Match{Op: s3test.OpGet}})
	if err := g.readAt(h, 0, 4096); !errors.Is(err, unix.EACCES) {
		t.Errorf("read with expired credentials: %v, want EACCES", err)
	}
	f.verify(t) // cached
	write(t, file, credentials(accessKey, canary))
	s.server.ClearFaults()
	if err := g.readAt(h, 0, 4096); err != nil {
		t.Errorf("read when the credentials are good again: %v", err)
	}
}

// TestFaultF20CredentialsFileGone: the last good credentials go on being used.
func TestFaultF20CredentialsFileGone(t *testing.T) {
	s := newStand(t)
	f := s.put("f", 100*kib)
	file := filepath.Join(s.dir, "credentials")
	write(t, file, fmt.Appendf(nil, "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", accessKey, canary))
	s.mountWithout([]string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SHARED_CREDENTIALS_FILE"},
		"--shared-credentials-file", file)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	f.verify(t)
}

// TestFaultF32Archived: true size, no permissions, EACCES with a line in the log
// that names the class; nothing asks for the bytes; restored it is a file like
// others.
func TestFaultF32Archived(t *testing.T) {
	for _, class := range []string{"GLACIER", "DEEP_ARCHIVE"} {
		t.Run(class, func(t *testing.T) {
			s := newStand(t)
			f := s.put("archived", 100*kib)
			s.bucket.PutWith(f.key, f.content, s3test.PutOptions{StorageClass: class})
			d := s.mount()
			st, err := os.Stat(f.path())
			if err != nil || st.Size() != f.size || st.Mode().Perm() != 0 {
				t.Fatalf("stat: %v, %v", st, err)
			}
			if _, err := os.Open(f.path()); !errors.Is(err, unix.EACCES) {
				t.Errorf("open: %v, want EACCES", err)
			}
			if n := s.gets("archived"); n != 0 {
				t.Errorf("%d GETs of an archived object", n)
			}
			eventually(t, "the log names the class", func() bool { return strings.Contains(d.log.String(), class) })
			if n := s.server.Mutating(); n != 0 {
				t.Errorf("%d mutating requests", n)
			}
		})
	}
}

// TestArchivedAfterCached: rule 15. An object that a lifecycle rule archives keeps
// its bytes and its ETag: cached whole it stays readable, in part it does not; what
// is restored is a file like others. Nothing asks for bytes that are archived.
func TestArchivedAfterCached(t *testing.T) {
	s := newStand(t)
	whole, part, other := s.put("whole", 200*kib), s.put("part", 640*kib), s.put("other", 100*kib)
	s.mount(append(small, "--metadata-ttl", "minimal")...)
	whole.verify(t)
	h := part.open(t, 0)
	if err := part.readAt(h, 0, 4096); err != nil {
		t.Fatal(err)
	}
	h.Close()
	archive := func(f file, restored time.Time) {
		s.bucket.PutWith(f.key, f.content, s3test.PutOptions{StorageClass: "DEEP_ARCHIVE", RestoredUntil: restored})
	}
	for _, f := range []file{whole, part, other} {
		archive(f, time.Time{})
	}
	eventually(t, "the modes say that they are archived", func() bool {
		for _, f := range []file{whole, part, other} {
			if st, err := os.Stat(f.path()); err != nil || st.Mode().Perm() != 0 || st.Size() != f.size {
				return false
			}
		}
		return true
	})
	s.server.Reset()
	whole.verify(t)
	for _, f := range []file{part, other} {
		if _, err := os.Open(f.path()); !errors.Is(err, unix.EACCES) {
			t.Errorf("open of %s: %v, want EACCES", f.key, err)
		}
	}
	if n := s.server.Count(s3test.OpGet); n != 0 {
		t.Errorf("%d GETs of archived objects", n)
	}
	for attr, want := range map[string]string{"user.zs3fs.storage_class": "DEEP_ARCHIVE", "user.zs3fs.restore": "archived"} {
		value := make([]byte, 100)
		if n, err := unix.Getxattr(part.path(), attr, value); err != nil || string(value[:n]) != want {
			t.Errorf("%s: %q, %v", attr, value[:max(n, 0)], err)
		}
	}
	archive(part, time.Now().Add(24*time.Hour))
	eventually(t, "the restored object can be opened", func() bool {
		h, err := os.Open(part.path())
		if err == nil {
			h.Close()
		}
		return err == nil
	})
	part.verify(t)
	if n := s.server.Mutating(); n != 0 {
		t.Errorf("%d mutating requests", n)
	}
}

// TestNoPermissionBits: who takes all permissions away gets no default instead.
func TestNoPermissionBits(t *testing.T) {
	s := newStand(t)
	f := s.put("f", 10)
	s.mount("--fmask", "0777", "--dir-mode", "0500", "--dmask", "0077")
	for path, want := range map[string]os.FileMode{f.path(): 0, s.mnt: os.ModeDir | 0o500} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}
