// Package fstabvm holds no code, only tests of mounts as users have them: lines of
// /etc/fstab, from which systemd makes mount and automount units, with the cache on
// a ZFS dataset. They have the build tag zfsvm, run as root, change the machine's
// fstab and restart its user space, and so run only in a virtual machine that
// systemd has booted:
//
//	SYSTEMD=1 CGO_ENABLED=0 go test -count=1 -v -tags zfsvm -exec $PWD/scripts/zfs-vm/exec ./internal/fstabvm
//
// The tests' processes run twice there. The first writes the lines that are to be
// there at boot and has systemd start anew (a soft reboot: the kernel stays, and
// with it the pool and the emulator's time to boot it); the second runs the tests.
package fstabvm
