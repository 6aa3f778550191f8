package main

import (
	"net/http"

	"github.com/spf13/cobra"
)

func refreshCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "refresh PATH...",
		Short: "Have names and attributes asked for anew",
		Long: "Forget what the mount and the kernel know of each PATH and of all below it: the next look at it asks the bucket,\n" +
			"whatever --metadata-ttl and --consistency say. Open files go on with their version.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := decodeEnvironment(cmd.Flags()); err != nil {
				return err
			}
			for _, path := range args {
				if err := askAbout(dir, "refresh", path); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	normalizeFlags(f)
	runtimeDirFlag(f, &dir)
	return cmd
}

// refresh is the daemon's part. It touches the mount's dentries, never the mount.
func (m *mounted) refresh(w http.ResponseWriter, r *http.Request) {
	if path, ok := readPath(w, r); ok {
		m.mount.Refresh(path)
		w.WriteHeader(http.StatusNoContent)
	}
}
