package fusefs_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// readerCommand is a process that reads path in a way: "storm" the whole of it
// under a storm of signals, "wait" its first bytes by n threads at once.
func readerCommand(t testing.TB, way, path string, n int) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, way, path, strconv.Itoa(n))
	cmd.Env = append(os.Environ(), roleEnv+"=reader", quickExit)
	cmd.Stderr = &testLog{t: t}
	return cmd
}

func reader() int {
	way, path := os.Args[1], os.Args[2]
	n, err := strconv.Atoi(os.Args[3])
	if err == nil {
		switch way {
		case "storm":
			err = readInStorm(path)
		case "wait":
			err = readTogether(path, n)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// readInStorm is not to notice a signal that it handles.
func readInStorm(path string) error {
	alarms := make(chan os.Signal, 1)
	signal.Notify(alarms, unix.SIGALRM)
	every := unix.Itimerval{
		Interval: unix.NsecToTimeval(int64(3 * time.Millisecond)),
		Value:    unix.NsecToTimeval(int64(3 * time.Millisecond)),
	}
	if _, err := unix.Setitimer(unix.ITIMER_REAL, every); err != nil {
		return err
	}
	for _, flags := range []int{unix.O_RDONLY, unix.O_RDONLY | unix.O_DIRECT} {
		fd, err := unix.Open(path, flags, 0)
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		buf := make([]byte, 30000)
		for off := int64(0); ; {
			n, err := unix.Pread(fd, buf, off)
			if err != nil {
				return fmt.Errorf("read at %d: %w", off, err)
			}
			if n == 0 {
				fmt.Println(off)
				break
			}
			if err := s3test.CheckCoded(buf[:n], off, 8, 8); err != nil {
				return err
			}
			off += int64(n)
		}
		unix.Close(fd)
	}
	return nil
}

// readTogether uses O_DIRECT, since the page cache would let one of n wait for all.
func readTogether(path string, n int) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range errs {
		wg.Go(func() {
			buf := make([]byte, 100)
			n, err := unix.Pread(fd, buf, int64(i)*16)
			if err == nil {
				err = s3test.CheckCoded(buf[:n], int64(i)*16, 8, 8)
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
