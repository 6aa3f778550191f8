package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// badInput is a mount that must fail.
type badInput struct {
	name string
	// with arranges the fault, and returns the command line.
	with func(s *stand) []string
	code Code
	says string // part of the line
}

func fault(do s3test.Action) func(s *stand) []string {
	return func(s *stand) []string {
		s.server.Inject(s3test.Fault{Do: do})
		return s.mountArgs()
	}
}

// operands replaces the source and the mount point of a good command line.
func (s *stand) operands(source, dir string, more ...string) []string {
	return append(append(append([]string{"mount"}, s.options()...), more...), source, dir)
}

var badInputs = []badInput{
	{"bucket missing", func(s *stand) []string { return s.operands("s3://no-such-bucket", s.mnt) }, NoBucket, "no-such-bucket"},
	{"wrong region", fault(s3test.WrongRegion("eu-central-1")), WrongRegion, "another region"},
	{"denied", fault(s3test.AccessDenied()), Denied, "denied"},
	{"expired", fault(s3test.ExpiredToken()), Refused, "not accepted"},
	{"wrong secret", func(s *stand) []string {
		s.env = append(s.env, "AWS_SECRET_ACCESS_KEY=wrong")
		return s.mountArgs()
	}, Refused, "not accepted"},
	{"no credentials", func(s *stand) []string {
		s.env = []string{"HOME=" + s.dir, "AWS_EC2_METADATA_DISABLED=true", "PATH=" + os.Getenv("PATH")}
		return s.mountArgs()
	}, NoCredentials, "AWS_ACCESS_KEY_ID"},
	{"no such profile", func(s *stand) []string { return s.mountArgs("--profile", "nobody") }, NoCredentials, "nobody"},
	{"server down", func(s *stand) []string {
		s.server.Down()
		return s.mountArgs("--mount-timeout", "1s")
	}, Unreachable, "127.0.0.1"},
	{"server silent", func(s *stand) []string {
		s.server.Inject(s3test.Fault{Do: s3test.StallBefore()})
		return s.mountArgs("--mount-timeout", "1s")
	}, Unreachable, "127.0.0.1"},
	{"server broken", func(s *stand) []string {
		s.server.Inject(s3test.Fault{Do: s3test.InternalError()})
		return s.mountArgs("--mount-timeout", "1s")
	}, Unreachable, "127.0.0.1"},
	{"no S3", func(s *stand) []string {
		s.server.Inject(s3test.Fault{Do: s3test.HTMLPage(200)})
		return s.mountArgs("--mount-timeout", "1s")
	}, BadAnswer, "wrong answer"},
	{"bad endpoint", func(s *stand) []string { return s.mountArgs("--endpoint-url", "ftp://x") }, Option, "ftp://x"},
	{"empty prefix", func(s *stand) []string {
		return s.operands("s3://bucket/nothing", s.mnt, "--require-prefix")
	}, EmptyPrefix, "nothing"},
	{"bad source", func(s *stand) []string { return s.operands("https://s3.example.com/b", s.mnt) }, Source, "s3://bucket"},
	{"source with a secret", func(s *stand) []string { return s.operands("s3n://AKID:"+canary+"@bucket/dir", s.mnt) }, Source, "credentials by the environment"},
	{"source is a URL with a secret", func(s *stand) []string { return s.operands("https://AKID:"+canary+"@example.com/b", s.mnt) }, Source, "credentials by the environment"},
	{"cat with a secret", func(s *stand) []string { return []string{"cat", "s3://AKID:" + canary + "@bucket/key"} }, Source, "credentials by the environment"},
	{"source with a path", func(s *stand) []string { return s.operands("bucket/dir", s.mnt) }, Source, "s3://bucket/dir"},
	{"unknown option", func(s *stand) []string { return s.mountArgs("-o", "cache_sise=1G") }, Option, "did you mean cache-size"},
	{"unknown flag", func(s *stand) []string { return s.mountArgs("--cahce-dir=/x") }, Option, "did you mean cache-dir"},
	{"bad value", func(s *stand) []string { return s.mountArgs("-o", "metadata_ttl=soon") }, Option, "soon"},
	{"SSE-C key file missing", func(s *stand) []string {
		return s.mountArgs("--sse-c-key-file", s.dir+"/nothing")
	}, Option, "SSE-C key file"},
	{"CA bundle missing", func(s *stand) []string { return s.mountArgs("--ca-bundle", s.dir+"/nothing") }, Option, "CA bundle"},
	{"cat of a bucket missing", func(s *stand) []string {
		return []string{"cat", "--endpoint-url", s.server.URL(), "s3://no-such-bucket/file"}
	}, NoBucket, "no-such-bucket"},
	{"cat with a credentials file missing", func(s *stand) []string {
		return []string{"cat", "--endpoint-url", s.server.URL(), "--shared-credentials-file", s.dir + "/nothing", "s3://bucket/file"}
	}, Refused, "credentials file"},
	{"cat with a CA bundle missing", func(s *stand) []string {
		return []string{"cat", "--endpoint-url", s.server.URL(), "--ca-bundle", s.dir + "/nothing", "s3://bucket/file"}
	}, Option, "CA bundle"},
	{"endpoint without a scheme", func(s *stand) []string {
		return s.mountArgs("--endpoint-url", "127.0.0.1:9000")
	}, Option, "http://HOST"},
	{"endpoint with a password", func(s *stand) []string {
		return s.mountArgs("--endpoint-url", "minio:"+canary+"@127.0.0.1:9000")
	}, Option, "password"},
	{"endpoint with a query", func(s *stand) []string {
		return s.mountArgs("--endpoint-url", "http://127.0.0.1/?token="+canary)
	}, Option, "query"},
	{"too many arguments", func(s *stand) []string { return append(s.mountArgs(), "more") }, Usage, "SOURCE DIR"},
	{"unknown command", func(s *stand) []string { return []string{"mnt"} }, Usage, "mnt"},
	{"unknown sub-command", func(s *stand) []string { return []string{"cache", "ls"} }, Usage, "zs3fs cache --help"},
	{"unknown shell", func(s *stand) []string { return []string{"completion", "ksh"} }, Usage, "zs3fs completion --help"},
	{"help of nothing", func(s *stand) []string { return []string{"help", "mnt"} }, Usage, "mnt"},
	{"sub-command without arguments", func(s *stand) []string { return []string{"zfs", "create"} }, Usage, "zs3fs zfs create DATASET"},
	{"nothing to pin", func(s *stand) []string { return []string{"cache", "pin"} }, Usage, "zs3fs cache pin PATH..."},
	{"nothing to write", func(s *stand) []string { return []string{"cat"} }, Usage, "zs3fs cat s3://bucket/key..."},
	{"unknown letter of a sub-command", func(s *stand) []string { return []string{"cache", "pin", "-x"} }, Option, "zs3fs cache pin --help"},
	{"unknown letter", func(s *stand) []string { return []string{"-x"} }, Option, "see zs3fs --help"},
	{"mount point empty", func(s *stand) []string { return s.operands("bucket", "") }, NoMountPoint, "empty"},
	{"mount point missing", func(s *stand) []string {
		return s.operands("bucket", filepath.Join(s.dir, "nothing"))
	}, NoMountPoint, "mkdir"},
	{"mount point is a file", func(s *stand) []string {
		return s.operands("bucket", s.file("plain"))
	}, NotDirectory, "not a directory"},
	{"mount point not empty", func(s *stand) []string {
		s.file("mnt/x")
		return s.mountArgs()
	}, NotEmpty, "--nonempty"},
	{"mounted by another", func(s *stand) []string { return s.operands("bucket", "/proc") }, AlreadyMounted, "type proc"},
	{"cache below a file", func(s *stand) []string {
		return s.mountArgs("--cache-dir", s.file("plain")+"/cache")
	}, CacheUnwritable, "--cache-dir"},
	{"cache on a file system without a size", func(s *stand) []string {
		return s.mountArgs("--cache-dir", "/proc/cache")
	}, CacheUnwritable, "--cache-size"},
	{"cache of another", func(s *stand) []string {
		dir := s.directory("cache")
		if err := os.Chown(dir, 12345, 12345); err != nil {
			s.t.Fatal(err)
		}
		return s.mountArgs()
	}, CacheUnsafe, "12345"},
	{"cache is a link", func(s *stand) []string {
		if err := os.Symlink(s.directory("elsewhere"), s.cache); err != nil {
			s.t.Fatal(err)
		}
		return s.mountArgs()
	}, CacheUnsafe, "symbolic link"},
	{"cache under the mount point", func(s *stand) []string {
		return s.mountArgs("--cache-dir", s.mnt+"/cache")
	}, PathsOverlap, "the cache directory"},
	{"cache under the mount point by a link", func(s *stand) []string {
		if err := os.Symlink(s.mnt, filepath.Join(s.dir, "link")); err != nil {
			s.t.Fatal(err)
		}
		return s.mountArgs("--cache-dir", s.dir+"/link/cache")
	}, PathsOverlap, "the cache directory"},
	{"mount point in the cache", func(s *stand) []string {
		return s.operands("bucket", s.directory("cache/mnt"))
	}, PathsOverlap, "in the cache directory"},
	{"log under the mount point", func(s *stand) []string {
		return s.mountArgs("--log-file", s.mnt+"/log")
	}, PathsOverlap, "the log file"},
	{"credentials under the mount point", func(s *stand) []string {
		return s.mountArgs("--shared-credentials-file", s.mnt+"/credentials")
	}, PathsOverlap, "the credentials file"},
	{"home is the mount point", func(s *stand) []string {
		s.env = append(s.env, "HOME="+s.mnt)
		return s.mountArgs()
	}, PathsOverlap, ".aws"},
	{"log file in a missing directory", func(s *stand) []string {
		return s.mountArgs("--log-file", s.dir+"/nothing/log")
	}, Failed, "log file"},
}

// file makes an empty file below the stand.
func (s *stand) file(name string) string {
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *stand) directory(name string) string {
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(path, 0o700); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// failsWell checks that a command fails with one line, and leaves nothing.
func (s *stand) failsWell(args []string, code Code, says string) {
	s.t.Helper()
	o := s.run(args...)
	if o.code != code {
		s.t.Errorf("code %d, want %d: %s", o.code, code, o.stderr)
	}
	if strings.Count(o.stderr, "\n") != 1 || !strings.HasPrefix(o.stderr, "zs3fs: ") || !strings.Contains(o.stderr, says) {
		s.t.Errorf("standard error must be one line that says %q: %q", says, o.stderr)
	}
	if o.stdout != "" {
		s.t.Errorf("standard output: %q", o.stdout)
	}
	if strings.Contains(o.stderr, canary) {
		s.t.Error("the line tells the secret")
	}
	if s.mounted() {
		s.t.Error("something is mounted")
	}
	if pids := append(s.daemons(), s.keepers()...); len(pids) > 0 {
		s.t.Errorf("processes are left: %v", pids)
	}
}

func TestBadInput(t *testing.T) {
	needRoot(t) // chown
	for _, c := range badInputs {
		t.Run(c.name, func(t *testing.T) {
			for _, foreground := range []bool{false, true} {
				t.Run(fmt.Sprintf("foreground=%v", foreground), func(t *testing.T) {
					s := newStand(t)
					args := c.with(s)
					if foreground && args[0] == "mount" {
						args = append([]string{"mount", "-f", "--log-level=error", "--log-file=" + os.DevNull}, args[1:]...)
					}
					s.failsWell(args, c.code, c.says)
				})
			}
		})
	}
}

func TestAlreadyMounted(t *testing.T) {
	s := newStand(t)
	s.foreground()
	o := s.run(s.mountArgs()...)
	if o.code != AlreadyMounted || !strings.Contains(o.stderr, "s3://bucket") || strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("code %d: %s", o.code, o.stderr)
	}
	s.must("umount", s.mnt)
}

func TestCacheInUse(t *testing.T) {
	s := newStand(t)
	p := s.foreground()
	other := s.directory("other")
	o := s.run(s.operands("bucket", other)...)
	pid := fmt.Sprint(p.cmd.Process.Pid)
	if o.code != CacheLocked || strings.Count(o.stderr, "\n") != 1 || !strings.Contains(o.stderr, pid) || !strings.Contains(o.stderr, s.mnt) {
		t.Errorf("code %d, want it to name process %s and %s: %s", o.code, pid, s.mnt, o.stderr)
	}
	if top, err := mountAt(other); top != nil || err != nil {
		t.Errorf("mounted: %v, %v", top, err)
	}
	// Another bucket, or another prefix, has a directory of its own.
	s.must(s.operands("bucket:dir", other)...)
	s.must("umount", other)
	s.must("umount", s.mnt)
}

func TestNonEmptyIsAllowed(t *testing.T) {
	s := newStand(t)
	s.file("mnt/x")
	s.must(s.mountArgs("-o", "nonempty")...)
	s.readFile()
	s.must("umount", s.mnt)
}

func TestBadUmount(t *testing.T) {
	s := newStand(t)
	s.failsWell([]string{"umount", s.mnt}, NotMounted, "nothing is mounted")
	s.failsWell([]string{"umount", "/proc"}, NotMounted, "type proc")
	s.failsWell([]string{"umount", "/does/not/exist"}, NotMounted, "nothing is mounted")
	s.failsWell([]string{"umount"}, Usage, "DIR")
	s.failsWell([]string{"umount", ""}, NoMountPoint, "empty")
	s.failsWell([]string{"refresh", ""}, NotMounted, "empty")
}

// The machine's own faults, in a mount name space where /dev is ours.
func TestNoFuse(t *testing.T) {
	needRoot(t)
	const hidden = `set -e; mount -t tmpfs tmpfs /dev; `
	const withFuse = hidden + `mknod -m 666 /dev/fuse c 10 229; mknod -m 666 /dev/null c 1 3
for f in /usr/bin/fusermount3 /bin/fusermount3 /usr/bin/fusermount /bin/fusermount; do if [ -e $f ]; then mount --bind /dev/null $f; fi; done
chmod 755 "$HOME" "${0%/*}"; chown -R 65534 "$HOME"; `
	for _, c := range []struct {
		name, script string
		code         Code
		says         string
	}{
		{"no device", hidden + `exec "$0" "$@"`, NoFuseDevice, "modprobe fuse"},
		{"no fusermount3", withFuse + `exec setpriv --reuid 65534 --clear-groups "$0" "$@"`, NoFusermount, "fuse3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStand(t)
			if err := os.Chmod(filepath.Dir(s.dir), 0o755); err != nil {
				t.Fatal(err)
			}
			args := append([]string{"--mount", "--propagation", "private", "sh", "-c", c.script, binary}, s.mountArgs()...)
			o := s.runAs("unshare", args...)
			if o.code != c.code || strings.Count(o.stderr, "\n") != 1 || !strings.Contains(o.stderr, c.says) {
				t.Errorf("code %d, want %d: %s", o.code, c.code, o.stderr)
			}
		})
	}
}
