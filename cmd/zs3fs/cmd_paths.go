package main

import (
	"path/filepath"

	"github.com/spf13/cobra"
)

// pathsCommand is a command that asks the daemons of the mounts that some paths lie on to
// do verb with each of them, until one fails.
func pathsCommand(verb, short string) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   verb + " PATH...",
		Short: short,
		Args:  someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := decodeEnvironment(cmd.Flags()); err != nil {
				return err
			}
			for _, path := range args {
				if err := askAbout(dir, verb, path); err != nil {
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

// askAbout asks the daemon of the mount that path lies on to do verb with it.
func askAbout(runtimeDir, verb, path string) error {
	m, abs, err := mountOf(path)
	if err != nil {
		return err
	}
	below, err := filepath.Rel(m.Mountpoint, abs)
	if err != nil {
		return fail(Failed, "%s: %v", path, err)
	}
	// A change may take minutes, for which one that is stopped must not be waited for.
	if err := ask(runtimeDir, m.Mountpoint, "HEAD", "/status", nil, nil); err != nil {
		return fail(codeOf(err), "%s: %v", path, err)
	}
	if err := ask(runtimeDir, m.Mountpoint, "POST", "/"+verb, pathRequest{[]byte(below)}, nil); err != nil {
		return fail(codeOf(err), "%s: %v", path, err)
	}
	return nil
}
