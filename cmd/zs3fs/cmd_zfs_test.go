package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeZFS puts programs zfs and zpool into the PATH that know the file system
// tank/cache; each property's value is what values says, else "-". What they were
// asked is in the file "ran". Package zfs has a fuller one, and the tests in the
// virtual machine the real ones.
func (s *stand) fakeZFS(values map[string]string) {
	s.t.Helper()
	bin := filepath.Join(s.dir, "bin")
	const script = `#!/bin/sh
echo "$(basename "$0") $*" >>"${0%/*}/ran"
case "$(basename "$0") $1 $4" in
"zfs list filesystem") printf 'tank/cache\t-\t0\t0\t/tank/cache\tlz4\tfilesystem\t-\t0\t0\t0\t0\t0\n' ;;
"zfs list snapshot") ;;
"zfs get tank/cache")
	value=-
	[ ! -e "${0%/*}/$3" ] || value=$(cat "${0%/*}/$3")
	printf 'tank/cache\t%s\t%s\tlocal\n' "$3" "$value" ;;
"zpool get tank") printf 'tank\thealth\tONLINE\t-\n' ;;
*) echo "unexpected: $*" >&2; exit 1 ;;
esac
`
	files := map[string]string{"zfs": script, "zpool": script}
	for name, value := range values {
		files[name] = value
	}
	if err := os.MkdirAll(bin, 0o700); err != nil {
		s.t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700); err != nil {
			s.t.Fatal(err)
		}
	}
	s.env = append(s.env, "PATH="+bin+":"+os.Getenv("PATH"))
}

func TestZFSCheck(t *testing.T) {
	s := newStand(t)
	s.fakeZFS(map[string]string{"recordsize": "131072", "sync": "disabled"})
	o := s.run("zfs", "check", "tank/cache")
	if o.code != DatasetUnfit || strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("code %d: %s", o.code, o.stderr)
	}
	for _, want := range []string{
		"recordsize: 131072; should be 1048576\n", "    mend it: zfs set recordsize=1048576 tank/cache\n",
		"    mend it: zfs set com.sun:auto-snapshot=false tank/cache\n", "mount: not mounted; should be mounted\n",
	} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("no %q in %s", want, o.stdout)
		}
	}
	if strings.Contains(o.stdout, "sync") {
		t.Errorf("it finds fault with sync: %s", o.stdout)
	}
	ran, err := os.ReadFile(filepath.Join(s.dir, "bin", "ran"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(ran)) {
		if verb := strings.Fields(line)[1]; verb != "get" && verb != "list" {
			t.Errorf("a check ran %q", line)
		}
	}
	if o := s.run("zfs", "check", "--block-size=128KiB", "tank/cache"); strings.Contains(o.stdout, "recordsize") {
		t.Errorf("it finds fault with the record size: %s", o.stdout)
	}
}

func TestZFSCommandsRefuse(t *testing.T) {
	s := newStand(t)
	s.fakeZFS(nil)
	for _, c := range []struct {
		code Code
		args []string
	}{
		{NoDataset, []string{"zfs", "check", "tank/no"}},
		{NotZFS, []string{"zfs", "check", "/proc"}},
		{Option, []string{"zfs", "check", "tank//no"}},
		{Option, []string{"zfs", "check", "--block-size=3MiB", "tank/cache"}},
		{Usage, []string{"zfs", "check"}},
		{DatasetExists, []string{"zfs", "create", "tank/cache"}},
		{NoDataset, []string{"zfs", "create", "tank/no/cache"}},
		{Option, []string{"zfs", "create", "--owner=nobody-of-this-name", "tank/new"}},
	} {
		if o := s.run(c.args...); o.code != c.code || strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("%v: code %d, want %d: %q", c.args, o.code, c.code, o.stderr)
		}
	}
}

func TestZFSCommandsWithoutTools(t *testing.T) {
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if _, err := os.Stat(filepath.Join(dir, "zfs")); err == nil {
			t.Skip("this machine has zfs in " + dir)
		}
	}
	s := newStand(t)
	for _, args := range [][]string{{"zfs", "create", "tank/new"}, {"zfs", "check", "tank/new"}} {
		s.env = append(s.env, "PATH="+s.dir)
		if o := s.run(args...); o.code != NoZFSTools || !strings.Contains(o.stderr, "zfsutils-linux") {
			t.Errorf("%v: code %d, %q", args, o.code, o.stderr)
		}
	}
}
