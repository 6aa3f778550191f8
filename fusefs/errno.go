package fusefs

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strconv"
	"syscall"

	"github.com/zs3fs/zs3fs/s3backend"
)

// errnoOf is the one place where the sentinels of the layers below become errno.
// What has no errno of its own is EIO.
func errnoOf(err error) syscall.Errno {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		// The request was interrupted, or the mount is going away.
		return syscall.EINTR
	case errors.Is(err, s3backend.ErrChanged):
		return syscall.ESTALE
	case errors.Is(err, fs.ErrNotExist):
		return syscall.ENOENT
	case errors.Is(err, fs.ErrPermission), errors.Is(err, s3backend.ErrArchived),
		errors.Is(err, s3backend.ErrCredentials):
		return syscall.EACCES
	}
	return syscall.EIO
}

// errno translates err for the kernel, and logs what its number does not say.
func (t *tree) errno(ctx context.Context, op, path string, err error) syscall.Errno {
	errno := errnoOf(err)
	if errno == syscall.EINTR && ctx.Err() == nil {
		// Not this request was cancelled but what it waited for: the mount is
		// being taken down, and a caller that retries EINTR would do so for ever.
		errno = syscall.EIO
	}
	level := slog.LevelError
	switch {
	case errno == syscall.EIO:
	case errno == syscall.EACCES && !errors.Is(err, s3backend.ErrArchived):
		level = slog.LevelWarn // or nobody could tell refused credentials from modes
	default:
		return errno
	}
	t.failedLog.Do(func() {
		t.cfg.Logger.LogAttrs(ctx, level, "request failed", slog.String("op", op),
			slog.String("path", strconv.QuoteToASCII("/"+path)), slog.Any("error", err))
	})
	return errno
}
