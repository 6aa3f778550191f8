#!/bin/sh
# Installs the Debian packages that `make demo`, `make test`, `make test-zfs`,
# `make bench` or scripts/zfs-vm/build need and that are missing: by apt-get as root, otherwise it says
# what to install and fails.
# Usage: scripts/setup.sh demo|test|test-zfs|bench|zfs-vm
set -eu

# need PACKAGE COMMAND|FILE: the package is missing when neither is there.
missing=
need() {
	if [ -e "$2" ] || command -v "$2" >/dev/null 2>&1; then return; fi
	missing="$missing $1"
}

if [ "${1:-}" != zfs-vm ] && ! command -v go >/dev/null 2>&1; then # that is built as root, by sudo
	echo "zs3fs: Go is missing: install Go 1.26 or newer from https://go.dev/dl/" >&2
	exit 1
fi

case "${1:-}" in
demo)
	# Root mounts with mount(2); others need the set-uid helper.
	[ "$(id -u)" = 0 ] || need fuse3 fusermount3
	;;
test)
	need fuse3 fusermount3
	need gcc gcc                          # the race detector is cgo
	need libc6-dev /usr/include/stdio.h
	need g++ g++                          # DuckDB's library is C++
	need git git
	need sqlite3 sqlite3
	need rsync rsync
	need fio fio
	need tar tar
	;;
bench)
	[ "$(id -u)" = 0 ] || need fuse3 fusermount3
	need s3fs s3fs                        # mounts to compare with
	need rclone rclone
	need g++ g++                          # DuckDB's library is C++
	;;
test-zfs)
	need qemu-system-x86 qemu-system-x86_64
	need e2fsprogs mke2fs
	need procps pkill
	;;
zfs-vm)
	need debootstrap debootstrap
	need cpio cpio
	need zstd zstd
	need xz-utils xz
	need kmod depmod
	;;
*)
	echo "usage: scripts/setup.sh demo|test|test-zfs|bench|zfs-vm" >&2
	exit 2
	;;
esac

if [ -n "$missing" ]; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
		echo "zs3fs: missing packages; run: sudo apt-get install -y$missing" >&2
		exit 1
	fi
	export DEBIAN_FRONTEND=noninteractive
	# The lists of a fresh machine may be empty or old.
	# shellcheck disable=SC2086 # a list of words
	apt-get install -y -q --no-install-recommends $missing ||
		{ apt-get update -q && apt-get install -y -q --no-install-recommends $missing; }
fi

case "$1" in
test-zfs | zfs-vm) exit ;; # the virtual machine has a /dev/fuse of its own
esac
if [ ! -c /dev/fuse ]; then
	echo "zs3fs: no /dev/fuse: run modprobe fuse; in a container, pass --device /dev/fuse --cap-add SYS_ADMIN" >&2
	exit 1
fi
