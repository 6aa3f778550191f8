package main

import "github.com/spf13/cobra"

func cacheCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Say what the cache keeps",
		Args:  exactArgs(),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		pathsCommand("pin", "Keep files from being evicted, also what of them is fetched later; nothing is fetched now"),
		pathsCommand("unpin", "Let files be evicted again"))
	return cmd
}
