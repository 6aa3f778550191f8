package zfs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	gozfs "github.com/mistifyio/go-zfs/v4"
)

var (
	// ErrNoTools says that the programs are missing; the message names the package.
	ErrNoTools = errors.New("the programs zfs and zpool were not found: install the package zfsutils-linux (Debian, Ubuntu) or zfs (other systems)")
	// ErrNoDataset says that there is no file system of that name.
	ErrNoDataset = errors.New("the dataset does not exist")
	// ErrExists says that there is one already.
	ErrExists = errors.New("the dataset exists already")
	// ErrNotMounted says that a dataset is mounted nowhere, or something else is
	// mounted over it.
	ErrNotMounted = errors.New("the dataset is not mounted")
	// ErrName says that a name cannot be a dataset's.
	ErrName = errors.New("is not the name of a dataset: write pool/name")
)

const (
	// A pool that resilvers or frees much answers after many seconds.
	commandTimeout = time.Minute
	commandGrace   = 5 * time.Second
)

// Tools are the programs zfs(8) and zpool(8). Safe for concurrent use.
type Tools struct {
	mounts func() (Table, error)
}

// Find looks for the programs, also where an ordinary user's PATH does not: then
// it adds that directory to the PATH of this process, because the library looks
// them up by name. The error is ErrNoTools.
func Find() (*Tools, error) {
	if err := lookUp("zfs", "zpool"); err != nil {
		return nil, err
	}
	gozfs.SetRunner(&gozfs.Runner{Timeout: commandTimeout, Grace: commandGrace})
	return &Tools{mounts: Mounts}, nil
}

func lookUp(programs ...string) error {
	missing := func(path string) bool {
		for _, p := range programs {
			if _, err := exec.LookPath(filepath.Join(path, p)); err != nil {
				return true
			}
		}
		return false
	}
	path := filepath.SplitList(os.Getenv("PATH"))
	if slices.ContainsFunc(path, func(dir string) bool { return filepath.IsAbs(dir) && !missing(dir) }) {
		return nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if !missing(dir) {
			return os.Setenv("PATH", strings.Join(append(path, dir), string(filepath.ListSeparator)))
		}
	}
	return ErrNoTools
}

// get returns a property in exact numbers. ok is false when this OpenZFS has no
// such property: the programs exit with 2 for a command line they do not
// understand, and with 1 for all else.
func get(dataset, property string) (value string, ok bool, err error) {
	value, err = (&gozfs.Dataset{Name: dataset}).GetProperty(property)
	if exitStatus(err) == 2 {
		return "", false, nil
	}
	return value, err == nil, readable(err)
}

func exitStatus(err error) int {
	var failed *gozfs.Error
	var exit *exec.ExitError
	if errors.As(err, &failed) && errors.As(failed.Err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// readable is err with what the program said about it, in one line.
func readable(err error) error {
	var failed *gozfs.Error
	if !errors.As(err, &failed) {
		return err
	}
	said := strings.Join(strings.Fields(failed.Stderr), " ")
	if said == "" {
		said = failed.Debug
	}
	return fmt.Errorf("%s (%w)", said, failed.Err)
}

// checkName keeps what is not a name away from the programs' command lines.
func checkName(name string) error {
	parts := strings.Split(name, "/")
	for _, part := range parts {
		bad := part == "" || part[0] == '-' || strings.ContainsFunc(part, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.: ", r)
		})
		if bad {
			return fmt.Errorf("%q %w", name, ErrName)
		}
	}
	return nil
}

// Exists reports whether there is a file system of that name. It looks through
// the list of all: when asked for one by name, the programs tell one that is
// missing from other failures by a text alone.
func (t *Tools) Exists(name string) (bool, error) {
	if err := checkName(name); err != nil {
		return false, err
	}
	all, err := gozfs.Filesystems("")
	if err != nil {
		return false, readable(err)
	}
	return slices.ContainsFunc(all, func(d *gozfs.Dataset) bool { return d.Name == name }), nil
}
