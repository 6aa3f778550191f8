package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

const (
	accessKey = "zs3fs-demo"
	secretKey = "zs3fs-demo-secret"
	// For a mount or an unmount.
	patience = 30 * time.Second
	poll     = 20 * time.Millisecond
)

// mount is a zs3fs process.
type mount struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // of Wait, after done
}

// startMount runs `zs3fs mount -f` and returns when it is mounted.
func (d *demo) startMount(ctx context.Context) error {
	args := []string{"mount", "-f", "s3://" + d.server.Bucket(), d.mnt,
		"--endpoint-url", d.server.URL(), "--cache-dir", d.cache,
		// Room for all of it, on whatever disk this is.
		"--cache-size", fmt.Sprintf("%dMiB", d.cfg.Size>>20*5/4+256), "--cache-min-free", "64MiB"}
	d.say("$ zs3fs %s &", strings.Join(args, " "))
	log, err := os.OpenFile(d.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	m := &mount{done: make(chan struct{})}
	m.cmd = exec.Command(d.cfg.Program, args...)
	m.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "ZS3FS_RUNTIME_DIR=" + filepath.Join(d.cache, "control"),
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_EC2_METADATA_DISABLED=true"}
	m.cmd.Stdout, m.cmd.Stderr = log, log
	if err := m.cmd.Start(); err != nil {
		return err
	}
	go func() {
		m.err = m.cmd.Wait()
		close(m.done)
	}()
	d.mount = m
	return d.await(ctx, "the mount is not ready", func() (bool, error) {
		select {
		case <-m.done:
			return false, fmt.Errorf("zs3fs mount failed: %s", strings.Join(lastLines(d.logFile(), 1), ""))
		default:
			return d.live(), nil
		}
	})
}

func (d *demo) mounted() (bool, error) {
	// The table only: a stat of the mount point could hang.
	found, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(d.mnt))
	return len(found) > 0, err
}

// live reports whether a daemon answers on the mount point; a dead mount is in the
// mount table too.
func (d *demo) live() bool {
	var st unix.Statfs_t
	return unix.Statfs(d.mnt, &st) == nil && st.Type == unix.FUSE_SUPER_MAGIC
}

// unmount ends the mount as a user does, and waits for its process.
func (d *demo) unmount(ctx context.Context) error {
	d.say("$ zs3fs umount %s", d.mnt)
	if out, err := exec.CommandContext(ctx, d.cfg.Program, "umount", d.mnt).CombinedOutput(); err != nil {
		return fmt.Errorf("umount: %w: %s", err, out)
	}
	select {
	case <-d.mount.done:
	case <-time.After(patience):
		return errors.New("zs3fs did not end after umount")
	}
	err := d.mount.err
	d.mount = nil
	return err
}

// kill is kill -9.
func (d *demo) kill() {
	d.say("$ kill -9 %d", d.mount.cmd.Process.Pid)
	_ = d.mount.cmd.Process.Kill()
	<-d.mount.done
	d.mount = nil
}

// abandon removes whatever is still there, in whatever state.
func (d *demo) abandon() {
	if up, _ := d.mounted(); up {
		_ = exec.Command(d.cfg.Program, "umount", "--force", d.mnt).Run()
	}
	if d.mount != nil {
		select {
		case <-d.mount.done:
		case <-time.After(5 * time.Second):
			_ = d.mount.cmd.Process.Kill()
			<-d.mount.done
		}
	}
}

// await asks until ok holds.
func (d *demo) await(ctx context.Context, or string, ok func() (bool, error)) error {
	deadline := time.After(patience)
	for {
		if yes, err := ok(); yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return errors.New(or)
		case <-time.After(poll):
		}
	}
}

func (d *demo) logFile() string { return filepath.Join(d.dir, "zs3fs.log") }

func lastLines(path string, n int) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return []string{err.Error()}
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[max(len(lines)-n, 0):]
}
