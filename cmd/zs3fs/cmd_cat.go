package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
)

func catCommand() *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "cat s3://bucket/key...",
		Short: "Write objects to standard output",
		Long: "Write objects to standard output, fetched ahead as a mount does, without a mount or a cache.\n" +
			"The key is taken exactly as written: this reads also objects that have no name in a file system.",
		Args: someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Cache.BlockSize = defaultBlock
			o.Cache.Dir = "unused"
			o.Tree.NameMax = 1024
			if err := decode(cmd.Flags(), o, nil, false); err != nil {
				return err
			}
			ignoreSignals()
			ctx, stop := signal.NotifyContext(cmd.Context(), unix.SIGINT, unix.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second signal ends one that waits for a full pipe
			for _, arg := range args {
				if err := catObject(ctx, *o, arg, cmd.OutOrStdout()); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	normalizeFlags(f)
	s3Flags(f, o)
	asOfFlag(f, o)
	readFlags(f, o)
	logFlags(f, o)
	aliasFlags(f)
	return cmd
}

func catObject(ctx context.Context, o Options, uri string, out io.Writer) (err error) {
	var key string
	if o.Source, key, err = parseObject(uri); err != nil {
		return err
	}
	log, closer, err := quietLog(&o)
	if err != nil {
		return err
	}
	defer closer.Close()
	client, err := newClient(ctx, &o, log)
	if err != nil {
		return s3Error(err, &o, nil) // what is missing then is a file of ours
	}
	defer client.Close()
	bucket, err := bucketAsOf(ctx, &o, client, log)
	if err != nil {
		return err
	}
	obj, err := bucket.Head(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		// A HEAD has no body to say that it is the bucket which does not exist.
		if _, _, asked := client.Probe(ctx, key, 1); errors.Is(asked, s3backend.ErrNoBucket) {
			return s3Error(asked, &o, client)
		}
	}
	if err != nil {
		return objectError(err, &o, client, uri)
	}
	return objectError(copyObject(ctx, &o, client, obj, out, log), &o, client, uri)
}

// copyObject reads through a chain whose cache keeps nothing on disk.
func copyObject(ctx context.Context, o *Options, client *s3backend.Client, obj s3backend.Object, out io.Writer, log *slog.Logger) error {
	if obj.Archived() {
		return s3backend.ErrArchived
	}
	memory := blockcache.NewMemory(blockMemory(o.Read.Memory), o.Cache.BlockSize)
	limitGoMemory(memory.Limit())
	cache, err := blockcache.Open(blockcache.Config{
		BlockSize: o.Cache.BlockSize, Memory: memory, Logger: log, // without a budget there is no directory
	})
	if err != nil {
		return err
	}
	defer cache.Close()
	crew := prefetch.New(prefetch.Config{
		Cache: cache, Source: client, Memory: memory,
		Connections: o.Read.Connections, RequestSize: o.Read.request(memory.Limit(), o.Cache.BlockSize), MaxWindow: o.Read.window(memory.Limit()), Logger: log,
	})
	defer crew.Close()
	reader := crew.Open(obj)
	defer reader.Close()
	for block, err := range reader.Blocks(ctx) {
		if err != nil {
			return err
		}
		if _, err := out.Write(block.Data); errors.Is(err, unix.EPIPE) {
			return nil // the reader has enough, as head does
		} else if err != nil {
			return fail(Failed, "standard output: %v", err)
		}
	}
	return nil
}

// objectError is s3Error for one object.
func objectError(err error, o *Options, c *s3backend.Client, uri string) error {
	var known *exitError
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, fs.ErrNotExist):
		if !o.AsOf.IsZero() {
			return fail(NoObject, "there was no object %q at %s", uri, o.AsOf.String())
		}
		return fail(NoObject, "there is no object %q", uri)
	case errors.Is(err, s3backend.ErrArchived):
		return fail(Archived, "%q is archived: restore it first (aws s3api restore-object)", uri)
	case errors.Is(err, s3backend.ErrChanged):
		return fail(BadAnswer, "%q changed while it was read: read it again", uri)
	}
	return s3Error(err, o, c)
}
