package main

import (
	"net/http"

	"github.com/spf13/cobra"
)

func refreshCommand() *cobra.Command {
	cmd := pathsCommand("refresh", "Have names and attributes asked for anew")
	cmd.Long = "Forget what the mount and the kernel know of each PATH and of all below it: the next look at it asks the bucket,\n" +
		"whatever --metadata-ttl and --consistency say. Open files go on with their version."
	return cmd
}

// refresh is the daemon's part. It touches the mount's dentries, never the mount.
func (m *mounted) refresh(w http.ResponseWriter, r *http.Request) {
	if path, ok := readPath(w, r); ok {
		m.mount.Refresh(path)
		w.WriteHeader(http.StatusNoContent)
	}
}
