package fusefs

import (
	"context"
	"log/slog"
	"syscall"
)

// What the tests look at directly: the pure parts.
var (
	ErrnoOf      = errnoOf
	InoOf        = inoOf
	GenerationOf = generationOf
	KernelTTL    = kernelTTL
)

// Answer is what a request gets that failed with err, and logs.
func Answer(log *slog.Logger, err error) syscall.Errno {
	return newTree(Config{Logger: log}).errno(context.Background(), "read", "a\nb", err)
}
