//go:build zfsvm

package fstabvm

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

const (
	// diskVariable names the machine's disk for pools.
	diskVariable = "ZS3FS_ZFS_DISK"
	// programVariable names the zs3fs under test, where make install has put it.
	programVariable = "ZS3FS_E2E_BINARY"
	// rebooted is there when the machine has started with the lines for the boot.
	rebooted = "/var/lib/zs3fs-fstabvm"
	pool     = "tank"
	// dataset is where the caches lie.
	dataset     = "/tank/cache"
	credentials = "/etc/zs3fs-credentials"
	accessKey   = "AKIDZS3FSFSTAB"
	secretKey   = "secret/of/the/fstab/tests"
)

func TestMain(m *testing.M) {
	if _, err := os.Stat(rebooted); err != nil {
		fmt.Fprintln(os.Stderr, prepare())
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// prepare makes the pool and the lines that are to be there at boot, and does not
// return when the machine starts anew.
func prepare() error {
	if os.Getenv(diskVariable) == "" {
		return errors.New("these tests run in a virtual machine: SYSTEMD=1 scripts/zfs-vm/exec")
	}
	secret := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", accessKey, secretKey)
	lines := ""
	for _, l := range bootLines {
		lines += l.text(bootEndpoint)
	}
	for _, step := range []func() error{
		func() error {
			return run("zpool", "create", "-f", "-o", "ashift=12", "-m", "/"+pool, pool, os.Getenv(diskVariable))
		},
		func() error {
			return run(os.Getenv(programVariable), "zfs", "create", pool+"/cache", "--size", "4GiB")
		},
		func() error { return os.WriteFile(credentials, []byte(secret), 0o600) },
		func() error { return os.WriteFile(fstab, []byte(lines), 0o644) },
		func() error { return os.WriteFile(rebooted, nil, 0o600) },
		func() error { return run("systemctl", "soft-reboot") },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	for { // until systemd ends this process
		_ = unix.Pause()
	}
}

// run runs a program that has to succeed.
func run(name string, args ...string) error {
	_, err := output(name, args...)
	return err
}

// output is run, and returns what the program writes, without the last line's end.
func output(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
