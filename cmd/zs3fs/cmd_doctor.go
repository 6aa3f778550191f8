package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

func doctorCommand() *cobra.Command {
	o := &Options{}
	var keys bool
	cmd := &cobra.Command{
		Use:   "doctor --keys SOURCE",
		Short: "Find what a mount does not show",
		Long: "With --keys: list each key of SOURCE that a mount does not show as a file, quoted, and why: it has a component that\n" +
			"no file system has, its name is too long, a directory shadows it, or it is a directory's marker with content.\n" +
			"zs3fs cat reads any of them. All keys are listed, 1,000 a request.\n" +
			"With --unmappable=escape: each key that such a mount shows as another path, and that path, or none if it is too long.",
		Args: exactArgs("SOURCE"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			ignoreSignals() // a closed pipe is an error like others, and its reader had enough
			o.Cache.BlockSize, o.Cache.Dir = defaultBlock, "unused"
			o.Read.Connections, o.Read.RequestSize = defaultConnections, defaultRequest
			if err = decode(cmd.Flags(), o, nil, false); err != nil {
				return err
			}
			if !keys {
				return fail(Usage, "doctor: say what to look at: --keys")
			}
			if o.Source, err = parseSource(args[0]); err != nil {
				return err
			}
			return auditKeys(cmd.Context(), o, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	normalizeFlags(f)
	f.BoolVar(&keys, "keys", false, "list the keys that a mount does not show")
	f.IntVar(&o.Tree.NameMax, "name-max", 1024, "as of the mount: longer names are hidden")
	unmappableFlag(f, o)
	asOfFlag(f, o)
	s3Flags(f, o)
	logFlags(f, o)
	aliasFlags(f)
	return cmd
}

func auditKeys(ctx context.Context, o *Options, out io.Writer) error {
	log, closer, err := quietLog(o)
	if err != nil {
		return err
	}
	defer closer.Close()
	client, err := newClient(ctx, o, log)
	if err != nil {
		return s3Error(err, o, nil)
	}
	defer client.Close()
	bucket, err := bucketAsOf(ctx, o, client, log)
	if err != nil {
		return err
	}
	lines := bufio.NewWriter(out)
	err = writeFindings(ctx, o, bucket, lines)
	if err = errors.Join(err, lines.Flush()); errors.Is(err, unix.EPIPE) {
		return nil // the reader has enough, as head does
	}
	if known := (*exitError)(nil); err != nil && !errors.As(err, &known) {
		return s3Error(err, o, client)
	}
	return err
}

func writeFindings(ctx context.Context, o *Options, bucket s3backend.Bucket, out io.Writer) error {
	audit, last := catalog.NewAudit(o.Source.Prefix, o.Tree.NameMax, o.Tree.escape()), ""
	for page, err := range bucket.(s3backend.Pager).Pages(ctx, s3backend.Span{Prefix: o.Source.Prefix, Deep: true}) {
		if err != nil {
			return err
		}
		for _, e := range page {
			if e.Object.Key < last {
				return fail(BadAnswer, "bucket %q lists its keys without order: what a directory shadows cannot be told", o.Source.Bucket)
			}
			last = e.Object.Key
			if err := printFindings(out, audit.Add(e.Object)); err != nil {
				return err
			}
		}
	}
	return printFindings(out, audit.End())
}

func printFindings(out io.Writer, findings []catalog.Finding) error {
	for _, f := range findings {
		line := string(f.Reason) + "\t" + strconv.QuoteToASCII(f.Key)
		if f.Path != "" {
			line += "\t" + strconv.Quote(f.Path) // to be copied
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}
