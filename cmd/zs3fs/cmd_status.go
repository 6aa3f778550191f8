package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/moby/sys/mountinfo"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zs3fs/zs3fs/internal/control"
)

func runtimeDirFlag(f *pflag.FlagSet, dir *string) {
	f.StringVar(dir, "runtime-dir", control.DefaultDir(), "`DIRECTORY` of the control sockets")
}

func statusCommand() *cobra.Command {
	var asJSON bool
	var dir string
	cmd := &cobra.Command{
		Use:   "status [DIR]",
		Short: "Tell how a mount is doing",
		Long: "Tell how the mount that DIR lies on is doing; without DIR, all mounts of this machine.\n" +
			"As JSON that is one object, or without DIR a list.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := decodeEnvironment(cmd.Flags()); err != nil {
				return err
			}
			if len(args) == 1 {
				return statusOf(cmd.OutOrStdout(), dir, args[0], asJSON)
			}
			return statusOfAll(cmd.OutOrStdout(), dir, asJSON)
		},
	}
	f := cmd.Flags()
	normalizeFlags(f)
	f.BoolVar(&asJSON, "json", false, "as JSON")
	runtimeDirFlag(f, &dir)
	return cmd
}

func statusOf(out io.Writer, runtimeDir, path string, asJSON bool) error {
	m, _, err := mountOf(path)
	if err != nil {
		return err
	}
	var s status
	if err := ask(runtimeDir, m.Mountpoint, "GET", "/status", nil, &s); err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(out).Encode(s)
	}
	return s.write(out)
}

func statusOfAll(out io.Writer, runtimeDir string, asJSON bool) error {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter(fsType))
	if err != nil {
		return fail(Failed, "cannot read the mount table: %v", err)
	}
	if len(mounts) == 0 {
		return fail(NotMounted, "no zs3fs is mounted")
	}
	all := []status{}
	var failed error
	for _, m := range mounts {
		var s status
		if err := ask(runtimeDir, m.Mountpoint, "GET", "/status", nil, &s); err != nil {
			if failed != nil {
				fmt.Fprintln(os.Stderr, "zs3fs:", failed) // the last one is the command's own
			}
			failed = err
			continue
		}
		all = append(all, s)
	}
	if asJSON {
		if err := json.NewEncoder(out).Encode(all); err != nil {
			return err
		}
		return failed
	}
	for _, s := range all {
		if err := s.write(out); err != nil {
			return err
		}
	}
	return failed
}

// write is the page for people.
func (s status) write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, value string) { fmt.Fprintf(w, "  %s\t%s\n", name, value) }
	fmt.Fprintf(w, "%s on %s\n", s.Source, s.MountPoint)
	line("daemon", fmt.Sprintf("process %d, up %s, %s", s.PID, time.Duration(s.UptimeSeconds)*time.Second, s.Version))
	line("S3", s.S3.String())
	where := s.Cache.Filesystem
	if s.Cache.Dataset != "" {
		where += " " + s.Cache.Dataset
	}
	line("cache", s.Cache.Dir+" ("+where+")")
	if s.Cache.Faults > 0 {
		line("dataset", fmt.Sprintf("%s not right: zs3fs zfs check %s", count(s.Cache.Faults, "thing is", "things are"), s.Cache.Dataset))
	}
	line("caching", onOff(s.Cache.WritingPaused == "", "paused: "+s.Cache.WritingPaused))
	line("reading the cache", onOff(s.Cache.ReadingPaused == "", "paused: "+s.Cache.ReadingPaused))
	line("passthrough", onOff(s.Passthrough.On, "off: "+s.Passthrough.Reason))
	if r := s.Cache.CompressionRatio; r > 0 {
		line("compression", fmt.Sprintf("%.2f", r))
	}
	for _, r := range rows() {
		value := fmt.Sprint(s.Values[r.name])
		if strings.Contains(r.name, "_bytes") {
			value = humanize.IBytes(uint64(max(s.Values[r.name], 0)))
		}
		line(strings.ReplaceAll(strings.TrimSuffix(r.name, "_total"), "_", " "), value+"\t"+r.help)
	}
	return w.Flush()
}

// String is the line for people.
func (s s3Status) String() string {
	switch {
	case s.Unasked:
		return "not asked yet"
	case s.AwaySince != nil && s.OfflineOK:
		return fmt.Sprintf("away since %s, expired names and attributes are given: %s", s.AwaySince.Format(time.DateTime), s.Trouble)
	case s.AwaySince != nil:
		return fmt.Sprintf("away since %s: %s", s.AwaySince.Format(time.DateTime), s.Trouble)
	case s.Trouble != "":
		return "refuses: " + s.Trouble
	}
	return "answers"
}

func onOff(on bool, off string) string {
	if on {
		return "on"
	}
	return off
}
