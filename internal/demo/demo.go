package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// ErrDiffers says that something was not as it must be; the output says what.
var ErrDiffers = errors.New("the demo found a difference: see above")

// MinSize is the least Config.Size.
const MinSize = 16 << 20

// blockSize is zs3fs's default.
const blockSize = 1 << 20

// Config of a run.
type Config struct {
	Size    int64 // of all files, in bytes
	Dir     string
	Keep    bool          // leave Dir behind
	Rate    int64         // bytes a second of a connection; 0 is unlimited
	Latency time.Duration // to the first byte of an answer
	// Program is the zs3fs binary.
	Program  string
	Out      io.Writer
	Terminal bool // Out can show progress bars
}

type demo struct {
	cfg             Config
	dir, mnt, cache string
	server          *s3test.Server
	files           []file
	mount           *mount
	rows            []row
}

// Run runs the demo and cleans up. The error is ErrDiffers when everything ran
// but something differed.
func Run(ctx context.Context, cfg Config) (err error) {
	d := &demo{cfg: cfg}
	if err := d.makeDirs(); err != nil {
		if cfg.Dir == "" {
			_ = os.Remove(d.dir) // the temporary one
		}
		return err
	}
	defer func() {
		d.abandon()
		if err != nil && !errors.Is(err, context.Canceled) {
			d.say("\nthe end of zs3fs's log:\n%s", strings.Join(lastLines(d.logFile(), 8), "\n"))
		}
		err = errors.Join(err, d.removeDirs())
	}()
	if err := d.startServer(ctx); err != nil {
		return err
	}
	defer d.server.Close()
	for _, step := range []func(context.Context) error{
		d.startMount, d.list, d.coldRead, d.warmRead, d.twoReaders, d.smallFiles, d.killed, d.unmount,
	} {
		if err := step(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		d.say("")
	}
	d.table()
	for _, r := range d.rows {
		if len(r.wrong) > 0 {
			return ErrDiffers
		}
	}
	return nil
}

func (d *demo) makeDirs() (err error) {
	if d.dir = d.cfg.Dir; d.dir == "" {
		d.dir, err = os.MkdirTemp("", "zs3fs-demo-")
	} else {
		err = os.MkdirAll(d.dir, 0o700)
	}
	if err == nil {
		d.dir, err = filepath.Abs(d.dir)
	}
	if err == nil {
		// The mount table has the real path.
		d.dir, err = filepath.EvalSymlinks(d.dir)
	}
	if err != nil {
		return err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(d.dir, &st); err != nil {
		return err
	}
	if need := uint64(d.cfg.Size/4*5 + 64<<20); st.Bavail*uint64(st.Bsize) < need {
		return fmt.Errorf("%s has less than %s free: choose another --dir or a smaller --size", d.dir, humanize.IBytes(need))
	}
	d.mnt, d.cache = filepath.Join(d.dir, "mnt"), filepath.Join(d.dir, "cache")
	return os.MkdirAll(d.mnt, 0o755)
}

// removeDirs removes what makeDirs and the mount have made, and never anything
// else in a directory that was there before.
func (d *demo) removeDirs() error {
	if d.cfg.Keep {
		d.say("kept: %s", d.dir)
		return nil
	}
	err := errors.Join(unlessMissing(os.Remove(d.mnt)), os.RemoveAll(d.cache), unlessMissing(os.Remove(d.logFile())))
	_ = os.Remove(d.dir) // fails when it holds something of the user's
	return err
}

func unlessMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// startServer makes the files and serves them.
func (d *demo) startServer(ctx context.Context) (err error) {
	d.files = makeFiles(d.cfg.Size)
	_, size := below(d.files, "")
	rate := "unlimited"
	if d.cfg.Rate > 0 {
		rate = humanize.Bytes(uint64(d.cfg.Rate)) + "/s"
	}
	d.say("A bucket in this process: s3://demo, %d files, %s; %v to the first byte, %s a connection.",
		len(d.files), humanize.IBytes(uint64(size)), d.cfg.Latency, rate)
	bar := d.bar("generating", size)
	err = hash(ctx, d.files, bar.add)
	bar.end()
	if err != nil {
		return err
	}
	mem := s3test.NewMem()
	for _, f := range d.files {
		mem.Put(f.key, f.content)
	}
	d.server, err = s3test.NewServer(mem, s3test.ServerConfig{
		Bucket: "demo", AccessKey: accessKey, SecretKey: secretKey, Latency: d.cfg.Latency, Rate: d.cfg.Rate,
	})
	return err
}
