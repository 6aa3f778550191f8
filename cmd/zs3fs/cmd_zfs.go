package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/zs3fs/zs3fs/blockcache/zfs"
)

func zfsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "zfs",
		Short: "Make and check a ZFS dataset for the cache",
	}
	onlySubCommands(cmd)
	cmd.AddCommand(zfsCreateCommand(), zfsCheckCommand())
	return cmd
}

func zfsCreateCommand() *cobra.Command {
	var layout zfs.Layout
	var owner string
	cmd := &cobra.Command{
		Use:   "create DATASET",
		Short: "Make a dataset for the cache",
		Long: "Make the ZFS file system DATASET with the properties that suit the cache, and give its mount point to its owner alone.\n" +
			"zs3fs zfs check says what each property is for.",
		Example: "  zs3fs zfs create tank/zs3fs --size 200GiB\n  zs3fs mount bucket /mnt --zfs-dataset tank/zs3fs --cache-size 200GiB",
		Args:    exactArgs("DATASET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := validBlockSize(layout.BlockSize); err != nil {
				return err
			}
			var err error
			if layout.UID, layout.GID, err = ownerIDs(owner); err != nil {
				return err
			}
			return zfsCreate(cmd.OutOrStdout(), args[0], layout)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	normalizeFlags(f)
	sizeVar(f, &layout.Size, "size", 0, "most that the cache will hold: sets a refquota above it (default: no quota)")
	f.Lookup("size").DefValue = "" // the usage says it
	sizeVar(f, &layout.BlockSize, "block-size", defaultBlock, "recordsize: the mount's --block-size")
	f.StringVar(&layout.Mountpoint, "mountpoint", "", "`DIRECTORY` to mount it on (default: below its parent's)")
	f.StringVar(&owner, "owner", "", "`USER` who will mount the bucket (default: who runs this)")
	return cmd
}

// ownerIDs are a user's number and group; this process's own for nobody.
func ownerIDs(name string) (uid, gid int, err error) {
	if name == "" {
		return os.Getuid(), os.Getgid(), nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return 0, 0, fail(Option, "--owner: %q is not a user here", name)
		}
	}
	if uid, err = strconv.Atoi(u.Uid); err == nil {
		gid, err = strconv.Atoi(u.Gid)
	}
	return uid, gid, err
}

func zfsCreate(out io.Writer, dataset string, layout zfs.Layout) error {
	tools, err := zfs.Find()
	if err != nil {
		return zfsError(err)
	}
	dir, err := tools.Create(dataset, layout)
	if err != nil {
		return zfsError(err)
	}
	more := ""
	if layout.Size > 0 {
		more = fmt.Sprintf(" --cache-size %s", (*bytesValue)(&layout.Size))
	}
	if layout.BlockSize != defaultBlock {
		more += fmt.Sprintf(" --block-size %s", (*bytesValue)(&layout.BlockSize))
	}
	fmt.Fprintf(out, "%s is mounted on %s\nuse it: zs3fs mount BUCKET DIR --zfs-dataset %s%s\n", dataset, dir, dataset, more)
	return nil
}

func zfsCheckCommand() *cobra.Command {
	blockSize := int64(defaultBlock)
	cmd := &cobra.Command{
		Use:   "check DATASET|DIR",
		Short: "Tell what about a dataset does not suit the cache",
		Long: "Tell what about the ZFS file system DATASET, or that of the directory DIR, does not suit the cache, why, and the command that mends it.\n" +
			fmt.Sprintf("The exit code is %d when something is not right.", DatasetUnfit),
		Args: exactArgs("DATASET|DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := validBlockSize(blockSize); err != nil {
				return err
			}
			return zfsCheck(cmd.OutOrStdout(), args[0], blockSize)
		},
	}
	f := cmd.Flags()
	normalizeFlags(f)
	sizeVar(f, &blockSize, "block-size", defaultBlock, "the mount's --block-size")
	return cmd
}

func zfsCheck(out io.Writer, arg string, blockSize int64) error {
	tools, err := zfs.Find()
	if err != nil {
		return zfsError(err)
	}
	dataset := arg
	if strings.HasPrefix(arg, "/") || strings.HasPrefix(arg, ".") { // no dataset's name does
		if dataset, err = datasetOf(arg); err != nil {
			return err
		}
	}
	findings, err := tools.Check(dataset, blockSize)
	if err != nil {
		return zfsError(err)
	}
	for _, f := range findings {
		writeFinding(out, f)
	}
	if n := zfs.Faults(findings); n > 0 {
		return fail(DatasetUnfit, "%s: %s not right", dataset, count(n, "thing is", "things are"))
	}
	fmt.Fprintf(out, "%s suits the cache\n", dataset)
	return nil
}

func writeFinding(out io.Writer, f zfs.Finding) {
	fmt.Fprintf(out, "%s: %s", f.What, f.Is)
	if f.Want != "" {
		fmt.Fprintf(out, "; should be %s", f.Want)
	}
	fmt.Fprintf(out, "\n    %s\n", f.Why)
	if f.Fix != "" {
		fmt.Fprintf(out, "    mend it: %s\n", f.Fix)
	}
}

// datasetOf names the dataset of an existing directory.
func datasetOf(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fail(Failed, "%s: %v", dir, err)
	}
	table, err := zfs.Mounts()
	if err != nil {
		return "", fail(Failed, "cannot read the mount table: %v", err)
	}
	dataset, err := table.Dataset(abs)
	switch {
	case err != nil:
		return "", fail(Failed, "%s: %v", dir, err)
	case dataset == "":
		return "", fail(NotZFS, "%s does not lie on ZFS", dir)
	}
	return dataset, nil
}

// zfsError gives an error of package zfs its code.
func zfsError(err error) error {
	for _, c := range []struct {
		err  error
		code Code
	}{
		{zfs.ErrNoTools, NoZFSTools}, {zfs.ErrNoDataset, NoDataset}, {zfs.ErrNotMounted, DatasetAway},
		{zfs.ErrExists, DatasetExists}, {zfs.ErrName, Option},
	} {
		if errors.Is(err, c.err) {
			return fail(c.code, "%v", err)
		}
	}
	return fail(Failed, "%v", err)
}

// count says "1 thing is", "2 things are".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
