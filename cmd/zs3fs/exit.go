package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
)

// Code is the program's exit status. Codes are part of the interface: scripts
// and systemd units match on them, so a number is never used for anything else.
type Code int

const (
	OK       Code = 0
	Failed   Code = 1
	Usage    Code = 2
	Source   Code = 3
	Option   Code = 4
	Internal Code = 5

	NoBucket      Code = 10
	WrongRegion   Code = 11
	Refused       Code = 12
	NoCredentials Code = 13
	Denied        Code = 14
	Unreachable   Code = 15
	EmptyPrefix   Code = 16
	NoObject      Code = 17
	Archived      Code = 18
	BadAnswer     Code = 19

	NoMountPoint    Code = 20
	NotDirectory    Code = 21
	AlreadyMounted  Code = 22
	NotEmpty        Code = 23
	NotMounted      Code = 24
	Busy            Code = 25
	MountRefused    Code = 26
	MountTimeout    Code = 27
	NoFuseDevice    Code = 28
	NoFusermount    Code = 29
	MetricsAddress  Code = 30
	NoControl       Code = 31
	NoVersions      Code = 32
	CacheUnwritable Code = 40
	CacheUnsafe     Code = 41
	CacheLocked     Code = 42
	PathsOverlap    Code = 43
	NoDataset       Code = 44
	DatasetAway     Code = 45
	NotZFS          Code = 46
	NoZFSTools      Code = 47
	DatasetExists   Code = 48
	DatasetUnfit    Code = 49

	Detached Code = 50
	Forced   Code = 51
	Aborted  Code = 52

	DemoDiffers Code = 60
)

// codes is the table behind docs/exit-codes.md; a test compares the two.
var codes = []struct {
	Code    Code
	Name    string
	Meaning string
}{
	{OK, "ok", "done; for `mount`: the file system is mounted; for a daemon: it was unmounted and ended cleanly"},
	{Failed, "failed", "an error that has no code of its own"},
	{Usage, "usage", "wrong sub-command or number of arguments"},
	{Source, "source", "the bucket is spelled in no known way"},
	{Option, "option", "an unknown option, or a bad value of one"},
	{Internal, "internal", "the daemon ended without a report: a fault of zs3fs"},
	{NoBucket, "no bucket", "the bucket does not exist"},
	{WrongRegion, "wrong region", "the bucket lies in another region than the one configured"},
	{Refused, "refused", "the credentials are unknown, malformed or expired"},
	{NoCredentials, "no credentials", "no credentials were found"},
	{Denied, "denied", "the credentials are good, but may not list or read this"},
	{Unreachable, "unreachable", "no answer from the endpoint within the time"},
	{EmptyPrefix, "empty prefix", "nothing lies below the prefix, and `--require-prefix` was given"},
	{NoObject, "no object", "`cat`: there is no object of this key"},
	{Archived, "archived", "`cat`: the object must be restored before it can be read"},
	{BadAnswer, "bad answer", "the endpoint does not speak S3, or an object changed while it was read"},
	{NoMountPoint, "no mount point", "the mount point does not exist"},
	{NotDirectory, "not a directory", "the mount point is not a directory"},
	{AlreadyMounted, "already mounted", "something is mounted there already"},
	{NotEmpty, "not empty", "the mount point is not empty, and `--nonempty` was not given"},
	{NotMounted, "not mounted", "`umount`, `status`, `cache`, `refresh`: no zs3fs is mounted there"},
	{Busy, "busy", "`umount`: files are open, or something is mounted, below the mount point"},
	{MountRefused, "mount refused", "the kernel refused the mount"},
	{MountTimeout, "mount time-out", "`--mount-timeout` ran out"},
	{NoFuseDevice, "no /dev/fuse", "the kernel's FUSE device is missing or may not be opened"},
	{NoFusermount, "no fusermount3", "not root, and there is no fusermount3 to mount with"},
	{MetricsAddress, "metrics address", "nothing can listen on the address of `--metrics`"},
	{NoControl, "no control", "`status`, `cache`, `refresh`: the mount's daemon does not answer on its control socket"},
	{NoVersions, "no versions", "`--as-of`: the bucket keeps no versions"},
	{CacheUnwritable, "cache unwritable", "the cache directory cannot be made or written"},
	{CacheUnsafe, "cache unsafe", "the cache directory belongs to, or is open to, somebody else"},
	{CacheLocked, "cache in use", "another zs3fs uses this cache for the same bucket"},
	{PathsOverlap, "paths overlap", "the cache, a log or a credentials file lies under the mount point, or the mount point in the cache"},
	{NoDataset, "no dataset", "the ZFS dataset does not exist"},
	{DatasetAway, "dataset not mounted", "the ZFS dataset is not mounted, or hidden by another mount"},
	{NotZFS, "not on ZFS", "the directory does not lie on ZFS: of `--cache-require-zfs`, or of `zfs check`"},
	{NoZFSTools, "no zfs", "`zfs`: the programs zfs and zpool are missing"},
	{DatasetExists, "dataset exists", "`zfs create`: the dataset exists already"},
	{DatasetUnfit, "dataset unfit", "`zfs check`: something about the dataset is not right"},
	{Detached, "detached", "a signalled daemon had to detach or abort the mount because it stayed in use: by open files, or in another mount namespace"},
	{Forced, "forced", "a second signal ended the daemon while files were open"},
	{Aborted, "aborted", "the kernel's connection was aborted while mounted"},
	{DemoDiffers, "demo differs", "`demo`: something was not as it must be"},
}

// exitError is an error with the code that the process will end with.
type exitError struct {
	code Code
	msg  string
	err  error
}

func (e *exitError) Error() string { return e.msg }
func (e *exitError) Unwrap() error { return e.err }

// fail makes an error of a code. An error among the arguments is kept for errors.Is.
func fail(code Code, format string, args ...any) error {
	e := &exitError{code: code, msg: fmt.Sprintf(format, args...)}
	for _, a := range args {
		if err, ok := a.(error); ok {
			e.err = err
		}
	}
	return e
}

// codeOf returns the code of any error.
func codeOf(err error) Code {
	var e *exitError
	switch {
	case err == nil:
		return OK
	case errors.As(err, &e):
		return e.code
	}
	return Failed
}

// oneLine is what standard error gets: a message that is one line whatever key
// or path it names.
func oneLine(err error) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, err.Error())
}

// s3Error says what to do about an error of the bucket.
func s3Error(err error, o *Options, c *s3backend.Client) error {
	bucket, endpoint := o.Source.Bucket, o.S3.EndpointURL
	if c != nil {
		endpoint = c.Endpoint()
	}
	switch {
	case errors.Is(err, s3backend.ErrNoBucket):
		return fail(NoBucket, "bucket %q does not exist at %s: check the name and --endpoint-url", bucket, endpoint)
	case errors.Is(err, s3backend.ErrRegion):
		return fail(WrongRegion, "bucket %q is in another region: %v; leave out --region, or give the right one", bucket, err)
	case errors.Is(err, s3backend.ErrNoCredentials):
		return fail(NoCredentials, "no credentials for bucket %q: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use --profile, --shared-credentials-file or, if it is public, --no-sign-request (%v)", bucket, err)
	case errors.Is(err, s3backend.ErrCredentials):
		return fail(Refused, "the credentials for bucket %q are not accepted: renew or correct them (%v)", bucket, err)
	case errors.Is(err, fs.ErrInvalid):
		return fail(Option, "%v", err)
	case errors.Is(err, fs.ErrPermission):
		return fail(Denied, "access to bucket %q is denied: allow s3:ListBucket and s3:GetObject, or use --prefix or --no-sign-request (%v)", bucket, err)
	// First: who answers wrongly each time counts as unavailable too.
	case errors.Is(err, s3backend.ErrBadAnswer), errors.Is(err, s3backend.ErrChanged):
		return fail(BadAnswer, "wrong answer from %s: is that an S3 endpoint? (%v)", endpoint, err)
	case errors.Is(err, s3backend.ErrUnavailable), errors.Is(err, s3backend.ErrThrottled):
		return fail(Unreachable, "no answer from %s: check --endpoint-url and the network (%v)", endpoint, err)
	}
	return err
}

// cacheError says what to do about an error of the cache directory.
func cacheError(err error, dir string) error {
	var locked *blockcache.LockedError
	var unsafe *blockcache.UnsafeError
	switch {
	case errors.As(err, &locked):
		return fail(CacheLocked, "%v", err)
	case errors.As(err, &unsafe):
		return fail(CacheUnsafe, "%v", err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENOSPC):
		return fail(CacheUnwritable, "the cache directory %s cannot be written: %v; give another --cache-dir", dir, err)
	}
	return fail(CacheUnwritable, "the cache directory %s cannot be used: %v", dir, err)
}
