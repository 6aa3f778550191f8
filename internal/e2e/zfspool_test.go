//go:build zfsvm

package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// diskVariable names a disk for pools; where it is unset they lie in files.
const diskVariable = "ZS3FS_ZFS_DISK"

// pool is a ZFS pool of a test's own, destroyed when the test ends.
type pool struct {
	t    testing.TB
	name string
	disk string // its only vdev, a disk or a file
	dir  string // holds the mount points of its datasets
}

// dataset is a file system of a pool.
type dataset struct {
	*pool
	name string // with the pool's
	dir  string // where it is mounted
}

// cacheProperties are those that the README recommends for a cache.
var cacheProperties = []string{"recordsize=1M", "compression=lz4", "atime=off", "xattr=sa", "sync=disabled", "primarycache=all"}

// newPool makes a pool on the machine's disk, or in a file where there is none.
func newPool(t testing.TB) *pool {
	t.Helper()
	disk := os.Getenv(diskVariable)
	if disk == "" {
		disk = sparseFile(t, 8*gib)
	}
	return newPoolOn(t, "a", disk)
}

func newPoolOn(t testing.TB, name, disk string) *pool {
	t.Helper()
	// Its datasets are mounted below this folder, which must outlive them.
	p := &pool{t: t, name: fmt.Sprintf("zs3fstest-%s-%d", name, os.Getpid()), disk: disk, dir: t.TempDir()}
	// 4 KiB sectors, as most disks have, and no trace of it in the host's own files.
	must(t, "zpool", "create", "-f", "-o", "ashift=12", "-o", "cachefile=none", "-O", "mountpoint=none", p.name, p.disk)
	t.Cleanup(func() { must(t, "zpool", "destroy", "-f", p.name) })
	return p
}

// sparseFile makes a file for a pool.
func sparseFile(t testing.TB, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(f.Truncate(size), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// dataset makes a file system with the properties of a cache; those given win.
func (p *pool) dataset(name string, properties ...string) *dataset {
	p.t.Helper()
	d := &dataset{pool: p, name: p.name + "/" + name, dir: filepath.Join(p.dir, name)}
	args := []string{"create", "-o", "mountpoint=" + d.dir}
	for _, property := range cacheProperties {
		name, _, _ := strings.Cut(property, "=")
		if !slices.ContainsFunc(properties, func(given string) bool { return strings.HasPrefix(given, name+"=") }) {
			args = append(args, "-o", property)
		}
	}
	for _, property := range properties {
		args = append(args, "-o", property)
	}
	must(p.t, "zfs", append(args, d.name)...)
	return d
}

// set changes a property.
func (d *dataset) set(property string) {
	d.t.Helper()
	must(d.t, "zfs", "set", property, d.name)
}

// bytes returns a property that is a number of bytes, such as used.
func (d *dataset) bytes(property string) int64 {
	d.t.Helper()
	n, err := strconv.ParseInt(must(d.t, "zfs", "get", "-Hp", "-o", "value", property, d.name), 10, 64)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// sync ends the open transaction group: what was written is on the disk, and the
// accounting shows it.
func (p *pool) sync() {
	p.t.Helper()
	must(p.t, "zpool", "sync", p.name)
}

// export takes the pool away, whatever is open on it. Nothing of it stays in memory.
func (p *pool) export() {
	p.t.Helper()
	must(p.t, "zpool", "export", "-f", p.name)
}

// reimport brings an exported pool back.
func (p *pool) reimport() {
	p.t.Helper()
	must(p.t, "zpool", "import", "-o", "cachefile=none", "-d", p.devices(), p.name)
}

// devices is where to look for the vdev: of a disk, ZFS uses a partition.
func (p *pool) devices() string {
	if strings.HasPrefix(p.disk, "/dev/") {
		return "/dev"
	}
	return p.disk
}

// standOn is a stand whose cache lies on the dataset.
func standOn(d *dataset) *stand { return standOnWith(d, s3test.ServerConfig{}) }

func standOnWith(d *dataset, cfg s3test.ServerConfig) *stand {
	d.t.Helper()
	s := newStandWith(d.t, cfg)
	s.cache = filepath.Join(d.dir, "cache")
	return s
}

// run runs a program and returns its output, without the last line's end.
func run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	var out, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", strings.Join(cmd.Args, " "), err, out.String(), stderr.String())
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// must runs a program that has to succeed.
func must(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := run(name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
