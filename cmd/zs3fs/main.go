package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() { os.Exit(int(run(os.Args))) }

// run is the program but for the end of the process.
func run(argv []string) Code {
	if parent := inheritParent(); parent != nil {
		return parent.run()
	}
	if argv[0] == keeperName && len(argv) == 2 {
		return keep(argv[1])
	}
	if isHelper(argv[0]) {
		return runHelper(argv[1:])
	}
	return finish(execute(argv[1:], nil))
}

// runHelper is the program as mount(8) calls it.
func runHelper(in []string) Code {
	begun := time.Now()
	args, fake, err := helperArgs(in)
	if err != nil || fake {
		return finish(err)
	}
	code := finish(execute(args, nil))
	if code != OK {
		holdBack(args[len(args)-1], begun)
	}
	return code
}

// finish prints the one line about an error and returns its code.
func finish(err error) Code {
	if err != nil {
		fmt.Fprintf(os.Stderr, "zs3fs: %s\n", oneLine(err))
	}
	return codeOf(err)
}

// execute runs a sub-command. parent is set in a daemon that is starting.
func execute(args []string, parent *parentLink) error {
	root := &cobra.Command{
		Use:           "zs3fs",
		Short:         "An S3 bucket as read-only files, cached on ZFS",
		Long:          "zs3fs mounts an S3 bucket as a tree of read-only files, and keeps what was read in blocks on disk.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(flagError)
	// Called when the arguments are right: what fails then is not their fault.
	running := false
	root.PersistentPreRun = func(*cobra.Command, []string) { running = true }
	root.AddCommand(mountCommand(args, parent), umountCommand(), catCommand(), versionCommand(), demoCommand(), zfsCommand(), statusCommand(), cacheCommand(), refreshCommand(), doctorCommand())
	strictDefaults(root)
	if len(args) == 1 && (args[0] == "--version" || args[0] == "-V") { // as other mounts have it
		args = []string{"version"}
	}
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	var known *exitError
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case running:
		return fail(Failed, "%v", err)
	}
	return fail(Usage, "%v: see zs3fs --help", err)
}

// strictDefaults has cobra's own commands refuse words that they do not know: they print
// a help and succeed otherwise.
func strictDefaults(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				_, _, err := cmd.Root().Find(args)
				return err
			}
		case "completion":
			onlySubCommands(cmd)
		}
	}
}

// onlySubCommands makes cmd one that does nothing by itself but print its help.
func onlySubCommands(cmd *cobra.Command) {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fail(Usage, "unknown command %q: see %s --help", args[0], cmd.CommandPath())
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}

// flagError turns pflag's errors into ours.
func flagError(cmd *cobra.Command, err error) error {
	var missing *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var required *pflag.ValueRequiredError
	switch {
	case errors.As(err, &missing):
		name := missing.GetSpecifiedName()
		if short := missing.GetSpecifiedShortnames(); short != "" {
			return fail(Option, "unknown option -%s: see %s --help", name, cmd.CommandPath())
		}
		return unknownOption(cmd.Flags(), cmd.CommandPath(), "--"+name, name)
	case errors.As(err, &invalid):
		return valueError("--"+invalid.GetFlag().Name, invalid.GetValue(), err)
	case errors.As(err, &required):
		return fail(Option, "--%s needs a value", required.GetFlag().Name)
	}
	return fail(Option, "%v", err)
}

// exactArgs is cobra's check with our exit code.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return fail(Usage, "%s takes %d arguments, got %d: %s %s", cmd.Name(), len(names), len(args), cmd.Parent().CommandPath(), cmd.Use)
		}
		return nil
	}
}

// someArgs is the check for one argument or more.
func someArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fail(Usage, "%s takes one argument or more: %s %s", cmd.Name(), cmd.Parent().CommandPath(), cmd.Use)
	}
	return nil
}

func isHelper(argv0 string) bool {
	switch filepath.Base(argv0) {
	case "mount.zs3fs", "mount.fuse.zs3fs":
		return true
	}
	return false
}
