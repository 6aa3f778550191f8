package e2e_test

import (
	"fmt"
	"os"
	"os/signal"
	"slices"

	"golang.org/x/sys/unix"
)

// listStormed lists a directory of Count names in a process that handles the signals
// it is sent, by small system calls, and once more from its middle.
func listStormed(j *job, _ *verdict) error {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGALRM, unix.SIGUSR1)
	defer signal.Stop(caught)
	fd, err := unix.Open(j.Path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var (
		names  []string
		middle int64
		rest   int
	)
	for {
		some, err := dirents(fd)
		if err != nil {
			return fmt.Errorf("after %d names: %w", len(names), err)
		}
		if len(some) == 0 {
			break
		}
		if names = append(names, some...); middle == 0 && len(names) > j.Count/2 {
			rest = len(names)
			if middle, err = unix.Seek(fd, 0, unix.SEEK_CUR); err != nil {
				return err
			}
		}
	}
	if len(names) != j.Count || !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != j.Count {
		return fmt.Errorf("%d names of %d, in order: %v", len(names), j.Count, slices.IsSorted(names))
	}
	if _, err := unix.Seek(fd, middle, unix.SEEK_SET); err != nil {
		return err
	}
	var again []string
	for {
		some, err := dirents(fd)
		if err != nil {
			return fmt.Errorf("from the middle: %w", err)
		}
		if len(some) == 0 {
			break
		}
		again = append(again, some...)
	}
	if !slices.Equal(again, names[rest:]) {
		return fmt.Errorf("from the middle: %d names, want %d", len(again), len(names)-rest)
	}
	return nil
}

// dirents reads some names; none are the end.
func dirents(fd int) ([]string, error) {
	buf := make([]byte, 2000)
	n, err := unix.Getdents(fd, buf)
	if err != nil {
		return nil, err
	}
	_, _, names := unix.ParseDirent(buf[:n], -1, nil)
	return names, nil
}
