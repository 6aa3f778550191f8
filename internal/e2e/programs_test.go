package e2e_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// tool returns the path of a program, which the tests need, from a Debian package.
func tool(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: apt-get install %s", name, pkg)
	}
	return path
}

// program runs a program to its end and returns its standard output. Its working
// directory is never in the mount.
func program(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, tail(out.String(), 20), tail(stderr.String(), 20))
	}
	return out.String()
}

// source is a local directory whose files are in the bucket too.
func (s *stand) source(name string) string {
	s.t.Helper()
	dir := filepath.Join(s.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	return dir
}

// upload puts all files below dir into the bucket, and gives both sides the same
// modes and times.
func (s *stand) upload(dir string) {
	s.t.Helper()
	when := time.Unix(1_700_000_000, 0)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.Chmod(path, 0o755)
		}
		key, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		s.bucket.PutWith(key, s3test.Bytes(text), s3test.PutOptions{ModTime: when})
		if err := os.Chmod(path, 0o644); err != nil {
			return err
		}
		return os.Chtimes(path, when, when)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// write makes a local file.
func write(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// tree fills dir with small and some larger files in nested directories.
func tree(t testing.TB, dir string) {
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 200 {
		size := r.IntN(20 * kib)
		if i%50 == 0 {
			size = 3*mib + i
		}
		text := make([]byte, size)
		for j := range text {
			text[j] = byte(r.Uint32())
		}
		write(t, filepath.Join(dir, fmt.Sprintf("d%d/e%d/file %d", i%7, i%3, i)), text)
	}
	write(t, filepath.Join(dir, "empty"), nil)
}

func TestSha256sum(t *testing.T) {
	s := newStand(t)
	var list strings.Builder
	for i, size := range []int64{0, 1, mib - 1, mib, mib + 1, 20 * mib} {
		f := s.put(fmt.Sprintf("f%d", i), size)
		fmt.Fprintf(&list, "%s  %s\n", f.sha256(), f.path())
	}
	s.mount()
	sums := filepath.Join(s.dir, "sums")
	write(t, sums, []byte(list.String()))
	program(t, tool(t, "sha256sum", "coreutils"), "--check", "--strict", sums)
}

// TestTar packs the mount and compares the archive with the source, contents,
// modes, owners and times.
func TestTar(t *testing.T) {
	s := newStand(t)
	src, archive := s.source("src"), filepath.Join(s.dir, "a.tar")
	tree(t, src)
	s.upload(src)
	s.mount()
	tar := tool(t, "tar", "tar")
	program(t, tar, "-C", s.mnt, "-cf", archive, ".")
	sameDirectoryTimes(t, src, s.mnt)
	if out := program(t, tar, "-C", src, "-df", archive); out != "" {
		t.Errorf("tar d: %s", out)
	}
	if out := program(t, tar, "-C", s.mnt, "-df", archive); out != "" {
		t.Errorf("tar d, on the mount: %s", out)
	}
}

// sameDirectoryTimes gives the directories below dst the times of those below
// like, which S3 does not know.
func sameDirectoryTimes(t *testing.T, dst, like string) {
	t.Helper()
	err := filepath.WalkDir(like, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(like, path)
		if err != nil {
			return err
		}
		return os.Chtimes(filepath.Join(dst, rel), info.ModTime(), info.ModTime())
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRsync(t *testing.T) {
	s := newStand(t)
	src, dst := s.source("src"), filepath.Join(s.dir, "dst")
	tree(t, src)
	s.upload(src)
	s.mount()
	rsync := tool(t, "rsync", "rsync")
	if out := program(t, rsync, "-rc", "--delete", "--dry-run", "--itemize-changes", s.mnt+"/", src+"/"); out != "" {
		t.Errorf("rsync -c would change: %s", out)
	}
	program(t, rsync, "-a", s.mnt+"/", dst+"/")
	program(t, tool(t, "diff", "diffutils"), "-r", src, dst)
}

func TestSqlite(t *testing.T) {
	s := newStand(t)
	src := s.source("src")
	sqlite := tool(t, "sqlite3", "sqlite3")
	program(t, sqlite, filepath.Join(src, "x.db"), `create table t(n integer, s text); create index i on t(s);
		insert into t select value, hex(value * 7919 % 104729) || 'padding so that there are some pages' from generate_series(1, 60000);`)
	s.upload(src)
	s.mount()
	query := "pragma integrity_check; select count(*), sum(n), max(s) from t; select count(*) from t where s > '8';"
	want := program(t, sqlite, filepath.Join(src, "x.db"), query)
	for _, params := range []string{"immutable=1", "mode=ro"} {
		got := program(t, sqlite, "file:"+filepath.Join(s.mnt, "x.db")+"?"+params, query)
		if got != want || !strings.HasPrefix(got, "ok\n") {
			t.Errorf("%s: %q, want %q", params, got, want)
		}
	}
}

// TestGit clones a bare repository from the mount, as a copy of its files and
// through git's own protocol, which maps the packs.
func TestGit(t *testing.T) {
	s := newStand(t)
	src, work := s.source("src"), filepath.Join(s.dir, "work")
	git, bare := tool(t, "git", "git"), filepath.Join(src, "repo.git")
	program(t, git, "init", "-q", "--bare", "-b", "main", bare)
	program(t, git, "init", "-q", "-b", "main", work)
	tree(t, work)
	program(t, git, "-C", work, "add", ".")
	program(t, git, "-C", work, "commit", "-q", "-m", "one")
	program(t, git, "-C", work, "mv", "empty", "moved")
	program(t, git, "-C", work, "commit", "-q", "-m", "two")
	program(t, git, "-C", work, "push", "-q", bare, "main")
	program(t, git, "-C", bare, "repack", "-q", "-a", "-d")
	s.upload(src)
	s.mount()
	for i, url := range []string{filepath.Join(s.mnt, "repo.git"), "file://" + filepath.Join(s.mnt, "repo.git")} {
		clone := filepath.Join(s.dir, fmt.Sprintf("clone%d", i))
		program(t, git, "clone", "-q", url, clone)
		program(t, git, "-C", clone, "fsck", "--full", "--strict")
		program(t, tool(t, "diff", "diffutils"), "-r", "--exclude=.git", work, clone)
	}
}

// duckdb builds the SQL runner of scripts/tools/duckdb, once.
var duckdb = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(filepath.Dir(executable), "duckdb")
	cmd := exec.Command("go", "build", "-o", bin, ".")
	cmd.Dir = filepath.Join("..", "..", "scripts", "tools", "duckdb")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build of scripts/tools/duckdb: %w\n%s", err, out)
	}
	return bin, nil
})

// TestDuckDB queries Parquet files, whose readers go for the footer first and then
// read column chunks with many threads.
func TestDuckDB(t *testing.T) {
	bin, err := duckdb()
	if err != nil {
		t.Fatal(err)
	}
	s := newStand(t)
	src := s.source("src")
	for i := range 3 {
		program(t, bin, fmt.Sprintf(`copy (select i as id, i * 37 %% 1001 as bucket, hash(i) as h, 'row ' || hash(i * 3) as text
			from range(%d, %d) r(i)) to '%s/part-%d.parquet' (format parquet, row_group_size 50000)`, i*200000, (i+1)*200000, src, i))
	}
	s.upload(src)
	s.mount()
	for _, query := range []string{
		"select count(*), sum(id), count(distinct bucket), max(h) from read_parquet('%s/*.parquet')",
		"select bucket, count(*), min(text) from read_parquet('%s/*.parquet') where id %% 3 = 1 group by bucket order by bucket",
		"select text from read_parquet('%s/part-1.parquet') where id = 200017",
	} {
		want := program(t, bin, fmt.Sprintf(query, src))
		for range 2 {
			if got := program(t, bin, fmt.Sprintf(query, s.mnt)); got != want || got == "" {
				t.Errorf("%s: %q, want %q", query, tail(got, 5), tail(want, 5))
			}
		}
	}
}

// TestFio lets fio verify what fio has written, with every way to read that it has.
func TestFio(t *testing.T) {
	s := newStand(t)
	src := s.source("src")
	fio, name := tool(t, "fio", "fio"), filepath.Join(src, "data")
	common := []string{"--name=x", "--bs=64k", "--size=48M", "--verify=crc32c", "--verify_state_save=0", "--output-format=terse"}
	program(t, fio, append(common, "--filename="+name, "--rw=write", "--do_verify=0")...)
	s.upload(src)
	for _, how := range [][]string{
		{"--ioengine=psync", "--rw=read"},
		{"--ioengine=psync", "--rw=randread", "--numjobs=4"},
		{"--ioengine=psync", "--rw=read", "--direct=1"},
		{"--ioengine=mmap", "--rw=randread"},
		{"--ioengine=libaio", "--rw=randread", "--iodepth=16", "--direct=1"},
		{"--ioengine=io_uring", "--rw=randread", "--iodepth=16"},
	} {
		t.Run(strings.Join(how, " "), func(t *testing.T) {
			s.fresh(t).mount()
			args := append(common, "--filename="+filepath.Join(s.mnt, "data"), "--readonly", "--verify_fatal=1")
			program(t, fio, append(args, how...)...)
		})
	}
}
