package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// list shows the tree, and compares every name and size.
func (d *demo) list(ctx context.Context) error {
	r := d.begin("ls -lR")
	d.say("$ ls -lR %s", d.mnt)
	start := time.Now()
	out, err := d.command(ctx, 0, "ls", "-lR", "--time-style=long-iso", "--literal", d.mnt)
	if err != nil {
		return err
	}
	d.excerpt(out, 16)
	found, err := d.command(ctx, 0, "find", d.mnt, "-type", "f", "-printf", `%s %P\0`)
	if err != nil {
		return err
	}
	r.took, r.requests = time.Since(start), d.server.Count()
	left := map[string]bool{}
	for _, f := range d.files {
		left[fmt.Sprintf("%d %s", f.content.Size(), f.key)] = true
	}
	for _, entry := range splitZero(found) {
		if !left[entry] {
			r.differs("%q is not in the bucket", entry)
		}
		delete(left, entry)
	}
	for entry := range left {
		r.differs("%q is not in the mount", entry)
	}
	d.end(r)
	return nil
}

// coldRead reads the big files for the first time.
func (d *demo) coldRead(ctx context.Context) error {
	r := d.begin("cold read")
	if err := d.readAndVerify(ctx, r, "big/"); err != nil {
		return err
	}
	if ratio := float64(r.fetched) / float64(max(r.read, 1)); ratio < 1 {
		r.differs("a cold read fetched only %.3f bytes per byte read: it was not cold", ratio)
	}
	d.end(r)
	return d.settle(ctx, "big/")
}

// warmRead reads them again, on a new mount: nothing is left in the page cache of
// the old one, so that the bytes come from the cache's disk.
func (d *demo) warmRead(ctx context.Context) error {
	if err := d.unmount(ctx); err != nil {
		return err
	}
	if err := d.startMount(ctx); err != nil {
		return err
	}
	r := d.begin("warm read")
	if err := d.readAndVerify(ctx, r, "big/"); err != nil {
		return err
	}
	d.mustNotFetch(r)
	d.end(r)
	return nil
}

func (d *demo) mustNotFetch(r *row) {
	if n := d.server.BytesSent(); n > 0 {
		r.differs("%d bytes were fetched again", n)
	}
}

// readAndVerify reads the files below prefix once as fast as cat can, and then
// compares their sums: sha256sum alone would be the slowest part.
func (d *demo) readAndVerify(ctx context.Context, r *row, prefix string) error {
	files, size := below(d.files, prefix)
	d.say("$ cat %s/* >/dev/null", filepath.Join(d.mnt, prefix))
	start := time.Now()
	if _, err := d.command(ctx, size, "cat", d.paths(files)...); err != nil {
		return err
	}
	d.measured(r, size, time.Since(start))
	return d.verify(ctx, r, files, filepath.Join(prefix, "*"))
}

// verify compares the sums of files, which a user would name by pattern, with those
// of their source: one sha256sum for each file and two at a time.
func (d *demo) verify(ctx context.Context, r *row, files []file, pattern string) error {
	var size int64
	for _, f := range files {
		size += f.content.Size()
	}
	d.say("$ sha256sum %s", filepath.Join(d.mnt, pattern))
	bar := d.bar("sha256sum", size)
	defer bar.end()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	sums := make([]string, len(files))
	for i, f := range files {
		g.Go(func() error {
			out, err := d.run(ctx, bar, "sha256sum", "--zero", "--", filepath.Join(d.mnt, f.key))
			sums[i], _, _ = strings.Cut(string(out), " ")
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	same := 0
	for i, f := range files {
		if sums[i] != f.sha256 {
			r.differs("%s: sha256 %s, want %s", f.key, sums[i], f.sha256)
			continue
		}
		same++
	}
	d.say("  %d of %d files are the same as their source", same, len(files))
	return nil
}

// twoReaders reads one cold file by two processes at once.
func (d *demo) twoReaders(ctx context.Context) error {
	r := d.begin("two readers")
	files, size := below(d.files, "shared.bin")
	path := filepath.Join(d.mnt, "shared.bin")
	d.say("$ cat %s >/dev/null & cat %s >/dev/null & wait", path, path)
	start := time.Now()
	g, gctx := errgroup.WithContext(ctx)
	for range 2 {
		g.Go(func() error {
			_, err := d.run(gctx, &bar{}, "cat", path)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	d.measured(r, 2*size, time.Since(start))
	fetches := d.server.BlockFetches("shared.bin", blockSize, size)
	if want := int((size + blockSize - 1) / blockSize); len(fetches) != want {
		r.differs("%d of %d blocks were fetched", len(fetches), want)
	}
	for off, n := range fetches {
		if n != 1 {
			r.differs("the block at %d was fetched %d times", off, n)
		}
	}
	if len(r.wrong) == 0 {
		d.say("  each of %d blocks was fetched once", len(fetches))
	}
	if err := d.verify(ctx, r, files, "shared.bin"); err != nil {
		return err
	}
	d.end(r)
	return nil
}

// smallFiles reads the tree by tar, and verifies it and the awkward names.
func (d *demo) smallFiles(ctx context.Context) error {
	r := d.begin("small files")
	files, size := below(d.files, "tree/")
	d.say("$ tar -C %s -c tree | wc -c", d.mnt)
	start := time.Now()
	// A pipe, because tar does not read what it writes to /dev/null.
	if _, err := d.command(ctx, size, "sh", "-c", `tar -C "$0" -c tree | wc -c`, d.mnt); err != nil {
		return err
	}
	d.measured(r, size, time.Since(start))
	awkward, _ := below(d.files, "awkward names/")
	if err := d.verify(ctx, r, append(files, awkward...), `{tree,"awkward names"}/**`); err != nil {
		return err
	}
	d.end(r)
	return d.settle(ctx, "")
}

// killed kills the daemon, and reads everything from a new mount.
func (d *demo) killed(ctx context.Context) error {
	d.kill()
	if err := d.await(ctx, "the dead mount stays", func() (bool, error) {
		up, err := d.mounted()
		return !up, err
	}); err != nil {
		return err
	}
	out, err := d.run(ctx, &bar{}, "ls", d.mnt)
	if err != nil || len(out) > 0 {
		return fmt.Errorf("the directory below the dead mount: %q, %w", out, err)
	}
	d.say("$ ls %s\n  # no dead mount: it was detached, and the directory is there again", d.mnt)
	if err := d.startMount(ctx); err != nil {
		return err
	}
	r := d.begin("after kill -9")
	if err := d.readAndVerify(ctx, r, "big/"); err != nil {
		return err
	}
	files, _ := below(d.files, "tree/")
	if err := d.verify(ctx, r, files, "tree/**"); err != nil {
		return err
	}
	d.mustNotFetch(r)
	if d.server.BytesSent() == 0 {
		d.say("  not one byte of any file was fetched from S3")
	}
	d.end(r)
	return nil
}

// settle waits until all blocks of the files below prefix are on disk: they are
// written after the reader has them. Blocks that the disk was too slow for were
// not kept; they are read again.
func (d *demo) settle(ctx context.Context, prefix string) error {
	files, _ := below(d.files, prefix)
	for _, f := range files {
		path := filepath.Join(d.mnt, f.key)
		err := d.untilCached(ctx, path)
		for range 3 {
			if !errors.Is(err, errIncomplete) {
				break
			}
			if _, err = d.run(ctx, &bar{}, "dd", "if="+path, "of=/dev/null", "bs=1M", "iflag=direct", "status=none"); err == nil {
				err = d.untilCached(ctx, path)
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.key, err)
		}
	}
	return nil
}

var errIncomplete = errors.New("some blocks did not reach the cache's disk")

// untilCached waits while the number of blocks on disk grows.
func (d *demo) untilCached(ctx context.Context, path string) error {
	last, since := "", time.Now()
	for {
		text, err := xattr(path, "user.zs3fs.cached")
		if err != nil {
			return err
		}
		present, total, _ := strings.Cut(strings.TrimSuffix(text, " blocks"), "/")
		switch {
		case present == total:
			return nil
		case text != last:
			last, since = text, time.Now()
		case time.Since(since) > 2*time.Second:
			return fmt.Errorf("%w: %s", errIncomplete, text)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poll):
		}
	}
}

func xattr(path, name string) (string, error) {
	value := make([]byte, 256)
	n, err := unix.Getxattr(path, name, value)
	if err != nil {
		return "", fmt.Errorf("getfattr -n %s: %w", name, err)
	}
	return string(value[:n]), nil
}

func (d *demo) paths(files []file) []string {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = filepath.Join(d.mnt, f.key)
	}
	return paths
}

func splitZero(out []byte) []string {
	var words []string
	for word := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
		words = append(words, string(word))
	}
	return words
}
