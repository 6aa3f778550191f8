package main

import (
	"errors"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

func umountCommand() *cobra.Command {
	var lazy, force bool
	cmd := &cobra.Command{
		Use:     "umount DIR",
		Aliases: []string{"unmount"},
		Short:   "Unmount",
		Long: "Unmount DIR. With open files or a mount below it, this fails and changes nothing;\n" +
			"--lazy takes the mount out of the tree, and it ends when the last file is closed;\n" +
			"--force breaks off open files with an error.",
		Args: exactArgs("DIR"),
		RunE: func(_ *cobra.Command, args []string) error { return umount(args[0], lazy, force) },
	}
	cmd.Flags().BoolVarP(&lazy, "lazy", "l", false, "detach now, end when the last file is closed")
	cmd.Flags().BoolVarP(&force, "force", "f", false, "break off open files")
	return cmd
}

func umount(arg string, lazy, force bool) error {
	dir, err := resolveDir(arg, false)
	if err != nil {
		return err
	}
	top, err := mountAt(dir)
	switch {
	case err != nil:
		return fail(Failed, "cannot read the mount table: %v", err)
	case top == nil:
		return fail(NotMounted, "nothing is mounted on %s", dir)
	case top.FSType != fsType:
		return fail(NotMounted, "%s is a mount of type %s, not of zs3fs: use umount", dir, top.FSType)
	}
	switch {
	case force:
		// MNT_FORCE aborts the connection; with files open the mount stays, dead,
		// until it is detached, here or by its daemon.
		if err = unmountPath(dir, unix.MNT_FORCE); err != nil {
			err = unmountPath(dir, unix.MNT_DETACH)
		}
		if now, _ := mountAt(dir); now == nil || now.ID != top.ID {
			err = nil
		}
	case lazy:
		err = unmountPath(dir, unix.MNT_DETACH)
	default:
		// Not asked before whether it is dead: the question keeps a mount busy whose
		// daemon is stopped.
		if err = unmountPath(dir, 0); errors.Is(err, unix.EBUSY) && dead(dir) {
			err = detachDead(dir)
		}
	}
	switch {
	case errors.Is(err, unix.EBUSY):
		return fail(Busy, "files are open or something is mounted below %s: close or unmount it, or use --lazy", dir)
	case err != nil:
		return fail(Failed, "cannot unmount %s: %v", dir, err)
	}
	return nil
}
