package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func mountCommand(args []string, parent *parentLink) *cobra.Command {
	o := &Options{}
	var lists []string
	var sloppy bool
	cmd := &cobra.Command{
		Use:   "mount SOURCE DIR",
		Short: "Mount a bucket",
		Long: "Mount the bucket SOURCE on the directory DIR, and return when it can be read.\n\n" +
			"SOURCE is bucket, s3://bucket/prefix, bucket:/prefix, bucket:prefix or an access point's ARN.\n" +
			"Each option can also be given as -o name=value, with - or _, and as ZS3FS_NAME in the environment.",
		Example: "  zs3fs mount s3://bucket/prefix /mnt\n  zs3fs mount bucket /mnt -o cache_dir=/tank/cache,allow_other",
		Args:    exactArgs("SOURCE", "DIR"),
		RunE: func(cmd *cobra.Command, operands []string) error {
			service := takeSupervisor()
			if err := decode(cmd.Flags(), o, lists, sloppy); err != nil {
				return err
			}
			if err := o.setOperands(operands[0], operands[1]); err != nil {
				return err
			}
			if err := checkFuse(); err != nil {
				return err
			}
			if parent != nil {
				return serve(o, parent, "")
			}
			if done, err := mountThroughAutomount(o); done || err != nil {
				return err
			}
			if o.Mount.Foreground {
				return serve(o, nil, service)
			}
			for _, w := range o.Mount.Warnings {
				fmt.Fprintln(os.Stderr, "zs3fs: warning:", w)
			}
			return daemonize(o, args)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	normalizeFlags(f)
	s3Flags(f, o)
	treeFlags(f, o)
	cacheFlags(f, o)
	readFlags(f, o)
	mountFlags(f, o)
	logFlags(f, o)
	f.StringArrayVarP(&lists, "option", "o", nil, "mount options, comma-separated: any of these, fstab's, env.NAME=value, env_file=FILE")
	f.BoolVar(&o.Helper, "mount-helper", false, "called by mount(8)")
	f.BoolVar(&sloppy, "sloppy", false, "ignore unknown -o options")
	_ = f.MarkHidden("mount-helper")
	_ = f.MarkHidden("sloppy")
	aliasFlags(f)
	return cmd
}

// setOperands takes SOURCE and DIR, when the options are complete.
func (o *Options) setOperands(src, dir string) error {
	s, err := parseSource(src)
	if err != nil {
		return err
	}
	// A slash in front is how s3fs and gcsfuse write it; a key that begins with one
	// is reached as s3://bucket//key.
	if flag := asPrefix(strings.TrimPrefix(o.Source.Prefix, "/")); flag != "" && s.Prefix != "" && flag != s.Prefix {
		return fail(Source, "source %q has a prefix, and --prefix says %q: give one", src, flag)
	} else if flag != "" {
		s.Prefix = flag
	}
	o.Source = s
	if o.Dir, err = resolveDir(dir, o.Helper); err != nil {
		return err
	}
	return absolutePaths(o)
}
