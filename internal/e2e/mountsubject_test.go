package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/internal/model"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// mountSubject is a mount to which histories are told.
type mountSubject struct {
	s       *stand
	d       *daemon
	options []string
}

var (
	_ model.Subject = (*mountSubject)(nil)
	_ model.Bucket  = (*mountSubject)(nil)
)

// Put implements model.Bucket.
func (m *mountSubject) Put(key string, version uint32, size int64) string {
	return m.s.bucket.Put(key, s3test.Coded(model.Seed, version, size)).ETag
}

// Delete implements model.Bucket.
func (m *mountSubject) Delete(key string) { m.s.bucket.Delete(key) }

// Reachable implements model.Bucket.
func (m *mountSubject) Reachable(yes bool) {
	if !yes {
		m.s.server.Down()
	} else if err := m.s.server.Up(); err != nil {
		m.s.t.Error(err)
	}
}

// errno gives errors the names that the model knows.
func errno(err error) error {
	switch {
	case errors.Is(err, unix.ENOTDIR):
		return model.ErrNotDir
	case errors.Is(err, unix.ESTALE):
		return model.ErrStale
	}
	return err
}

func (m *mountSubject) at(path string) string { return m.s.mnt + "/" + path }

// Lookup implements model.Subject.
func (m *mountSubject) Lookup(path string) (model.Node, time.Duration, error) {
	st, err := os.Lstat(m.at(path))
	switch {
	case err != nil:
		return model.Node{}, 0, errno(err)
	case st.IsDir():
		return model.Node{Kind: model.Dir}, 0, nil
	}
	return model.Node{Kind: model.File, Object: model.Object{Size: st.Size()}}, 0, nil
}

// Opendir implements model.Subject.
func (m *mountSubject) Opendir(path string) (model.Directory, error) {
	f, err := os.OpenFile(m.at(path), unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, errno(err)
	}
	return &mountDirectory{f}, nil
}

// mountDirectory implements model.Directory.
type mountDirectory struct{ f *os.File }

func (d *mountDirectory) Read(_, most int) (names []model.Name, _ *model.Hidden, _ time.Duration, err error) {
	for len(names) < most {
		entries, err := d.f.ReadDir(1)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, 0, errno(err)
		}
		n := model.Name{Name: entries[0].Name(), Node: model.Node{Kind: model.Dir}}
		if !entries[0].IsDir() {
			n.Node = model.Node{Kind: model.File, Object: model.Object{Size: -1}}
		}
		names = append(names, n)
	}
	return names, nil, 0, nil
}

func (d *mountDirectory) Close() { d.f.Close() }

// Open implements model.Subject.
func (m *mountSubject) Open(path string, direct bool) (model.Handle, error) {
	flags := unix.O_NOFOLLOW
	if direct {
		flags |= unix.O_DIRECT
	}
	f, err := os.OpenFile(m.at(path), flags, 0)
	if errors.Is(err, unix.EINVAL) && direct {
		return nil, nil // as the kernel opens a directory
	}
	if err != nil {
		return nil, errno(err)
	}
	st, err := f.Stat()
	if err != nil || st.IsDir() {
		f.Close()
		return nil, errno(err)
	}
	etag := make([]byte, 100)
	n, err := unix.Fgetxattr(int(f.Fd()), "user.s3.etag", etag)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("getxattr: %w", err)
	}
	return &mountHandle{f, model.Object{ETag: string(etag[:n]), Size: st.Size()}}, nil
}

// mountHandle implements model.Handle.
type mountHandle struct {
	f      *os.File
	object model.Object
}

func (h *mountHandle) Object() model.Object { return h.object }

func (h *mountHandle) Read(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		k, err := pread(h.f, p[n:], off+int64(n))
		if err != nil {
			return n, errno(err)
		}
		if n += k; k == 0 {
			break
		}
	}
	return n, nil
}

func (h *mountHandle) Close() { h.f.Close() }

// Refresh implements model.Subject.
func (m *mountSubject) Refresh(path string) error {
	cmd := exec.Command(executable, "refresh", "--runtime-dir", filepath.Join(m.s.dir, "run"), "--", m.at(path))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("refresh: %w: %s", err, out)
	}
	return nil
}

// Remount implements model.Subject.
func (m *mountSubject) Remount() error {
	if m.d != nil {
		if code := m.d.unmount(); code != 0 {
			return fmt.Errorf("the daemon ended with exit code %d", code)
		}
	}
	m.d = m.s.mount(m.options...)
	return nil
}
