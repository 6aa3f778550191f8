package main

import "github.com/spf13/cobra"

func cacheCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Say what the cache keeps",
	}
	onlySubCommands(cmd)
	cmd.AddCommand(
		pathsCommand("pin", "Keep files from being evicted, also what of them is fetched later; nothing is fetched now"),
		pathsCommand("unpin", "Let files be evicted again"),
		pathsCommand("unpin-all", "Let all that is pinned on a path's mount be evicted again, also versions that were replaced since"))
	return cmd
}
