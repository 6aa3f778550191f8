package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// asUser runs a shell script as an ordinary user in a mount name space whose /dev
// has a FUSE device for everybody, for a minute at most, as scripts wait in loops; "$0" is
// the program.
func (s *stand) asUser(script string, args ...string) outcome {
	s.t.Helper()
	needRoot(s.t)
	const uid = 65534
	for dir := s.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	err := filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, uid)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(binary), 0o755); err != nil {
		s.t.Fatal(err)
	}
	const setUp = `set -e
mount -t tmpfs -o mode=755 tmpfs /dev
mknod -m 666 /dev/fuse c 10 229
mknod -m 666 /dev/null c 1 3
script=$1; shift
exec setpriv --reuid 65534 --regid 65534 --clear-groups timeout 60 sh -c "$script" "$0" "$@"`
	return s.runAs("unshare", append([]string{"--mount", "--propagation", "private", "sh", "-c", setUp, binary, script}, args...)...)
}

// An ordinary user mounts through fusermount3.
func TestOrdinaryUser(t *testing.T) {
	s := newStand(t)
	o := s.asUser(`set -e
mnt=$1; shift
"$0" "$@" --log-file "$HOME/log"
grep " $mnt " /proc/self/mountinfo
cat "$mnt/dir/small"
stat -c '%u:%g %a' "$mnt/dir/small"
exec 3<"$mnt/dir/small"
if "$0" umount "$mnt"; then echo not busy; else echo "busy $?"; fi
exec 3<&-
"$0" umount "$mnt"
if grep " $mnt " /proc/self/mountinfo; then exit 1; fi`, append([]string{s.mnt}, s.mountArgs()...)...)
	if o.code != OK {
		t.Fatalf("code %d: %s%s", o.code, o.stdout, o.stderr)
	}
	for _, want := range []string{fsType + " s3://bucket ro", "nosuid,nodev", "\nsmall\n", "\n65534:65534 644\n", "\nbusy 25\n"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("no %q in %q", want, o.stdout)
		}
	}
	eventually(t, "the daemon ends", func() bool { return len(s.daemons()) == 0 })
}

// Why fusermount3 refuses a mount only it can say, and it does so on standard error.
func TestOrdinaryUserMayNotAllowOther(t *testing.T) {
	if conf, _ := os.ReadFile("/etc/fuse.conf"); strings.Contains("\n"+string(conf), "\nuser_allow_other") {
		t.Skip("ordinary users may here")
	}
	s := newStand(t)
	if o := s.asUser(`"$0" "$@"`, s.mountArgs("-o", "allow_other")...); o.code != MountRefused ||
		!strings.Contains(o.stderr, "user_allow_other") || strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("code %d: %q", o.code, o.stderr)
	}
}

// A dead mount of an ordinary user, and a signal to his daemon.
func TestOrdinaryUsersDeadMount(t *testing.T) {
	s := newStand(t)
	o := s.asUser(`set -e
mnt=$1; shift
"$0" "$@" --log-file "$HOME/log" -f & first=$!
until stat -f -c %T "$mnt" | grep -q fuse; do :; done
kill -9 $first; wait $first || true
"$0" "$@" --log-file "$HOME/log" -f & second=$!
until cat "$mnt/dir/small" 2>/dev/null; do :; done
kill $second; wait $second; echo "ended $?"
if grep " $mnt " /proc/self/mountinfo; then exit 1; fi`, append([]string{s.mnt}, s.mountArgs()...)...)
	if o.code != OK || !strings.HasSuffix(o.stdout, "small\nended 0\n") {
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		t.Fatalf("code %d: %s%s\n%s", o.code, o.stdout, o.stderr, log)
	}
}

// fusermount3 detaches whatever is at the directory: while another process of the user may
// be mounting there, the keeper waits, and looks again.
func TestOrdinaryUsersKeeperWaitsForTheLock(t *testing.T) {
	s := newStand(t)
	o := s.asUser(`set -e
mnt=$1; shift
"$0" "$@" --log-file "$HOME/log" -f & daemon=$!
until grep -q msg=mounted "$HOME/log"; do :; done 2>/dev/null
keeper=$(pgrep -f "^zs3fs-keeper $mnt$")
parent=$(dirname "$mnt")
exec 3<"$parent"
flock 3
kill -9 $daemon; wait $daemon || true
until ls -l /proc/$keeper/fd | grep -q -- "-> $parent$"; do :; done 2>/dev/null
grep " $mnt " /proc/self/mountinfo >/dev/null && echo waits
flock -u 3
while grep " $mnt " /proc/self/mountinfo >/dev/null; do :; done
echo detached`, append([]string{s.mnt}, s.mountArgs()...)...)
	if o.code != OK || o.stdout != "waits\ndetached\n" {
		t.Fatalf("code %d: %s%s", o.code, o.stdout, o.stderr)
	}
	eventually(t, "the keeper ends", func() bool { return len(s.keepers()) == 0 })
}

// The keeper of an ordinary user's daemon detaches through fusermount3.
func TestOrdinaryUsersKeeper(t *testing.T) {
	s := newStand(t)
	o := s.asUser(`set -e
mnt=$1; shift
"$0" "$@" --log-file "$HOME/log" -f & daemon=$!
until grep -q msg=mounted "$HOME/log"; do :; done 2>/dev/null
cat "$mnt/dir/small"
kill -9 $daemon; wait $daemon || true
while grep " $mnt " /proc/self/mountinfo >/dev/null; do :; done
ls "$mnt"`, append([]string{s.mnt}, s.mountArgs()...)...)
	if o.code != OK || o.stdout != "small\n" {
		t.Fatalf("code %d: %s%s", o.code, o.stdout, o.stderr)
	}
	eventually(t, "the keeper ends", func() bool { return len(s.keepers()) == 0 })
}

// The mount table's source goes through fusermount3's comma-separated options.
func TestOrdinaryUsersPrefixWithComma(t *testing.T) {
	s := newStand(t)
	s.mem.Put(`a,b\c d/x`, s3test.Bytes([]byte("comma\n")))
	o := s.asUser(`set -e
mnt=$1; shift
"$0" "$@"
grep " $mnt " /proc/self/mountinfo
cat "$mnt/x"
"$0" umount "$mnt"`, append([]string{s.mnt}, s.operands(`s3://bucket/a,b\c d`, s.mnt)...)...)
	if o.code != OK || !strings.Contains(o.stdout, `s3://bucket/a,b\134c\040d ro`) || !strings.HasSuffix(o.stdout, "\ncomma\n") {
		t.Fatalf("code %d: %s%s", o.code, o.stdout, o.stderr)
	}
	eventually(t, "the daemon ends", func() bool { return len(s.daemons()) == 0 })
}
