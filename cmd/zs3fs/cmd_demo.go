package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/internal/demo"
)

func demoCommand() *cobra.Command {
	cfg := demo.Config{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show a mount at work, on this machine alone",
		Long: "Start an S3 server in this process with generated files, mount it by another zs3fs process, and read it\n" +
			"with ordinary programs: cold, warm, by two readers at once, and after a kill -9 of the daemon.\n" +
			"Everything read is compared with its source.",
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cfg.Size < demo.MinSize {
				return fail(Option, "--size must be at least 16MiB")
			}
			if err := checkFuse(); err != nil {
				return err
			}
			program, err := os.Executable()
			if err != nil {
				return fail(Failed, "%v", err)
			}
			cfg.Program, cfg.Out, cfg.Terminal = program, os.Stdout, isTerminal(os.Stdout)
			ctx, stop := signal.NotifyContext(cmd.Context(), unix.SIGINT, unix.SIGTERM)
			defer stop()
			switch err := demo.Run(ctx, cfg); {
			case errors.Is(err, demo.ErrDiffers):
				return fail(DemoDiffers, "%v", err)
			case errors.Is(err, context.Canceled):
				return fail(Failed, "interrupted")
			case err != nil:
				return fail(Failed, "demo: %v", err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	normalizeFlags(f)
	sizeVar(f, &cfg.Size, "size", 1<<30, "of all files together")
	f.StringVar(&cfg.Dir, "dir", "", "`DIRECTORY` for the mount point and the cache (default: a temporary one)")
	f.BoolVar(&cfg.Keep, "keep", false, "leave the directory behind")
	sizeVar(f, &cfg.Rate, "rate", 80e6, "of a connection, in bytes a second; 0 is unlimited")
	f.DurationVar(&cfg.Latency, "latency", 20*time.Millisecond, "to the first byte of an answer")
	return cmd
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
