package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// errfsVariable makes the test binary a server of errfs, which no process may be
// that also reads from it.
const errfsVariable = "ZS3FS_E2E_ERRFS"

// trouble is what becomes of an operation on errfs.
type trouble struct {
	Errno syscall.Errno
	Delay time.Duration
	// Hang: there is no answer until the trouble is over, whatever signals come, as
	// of a disk that is gone.
	Hang bool
}

// errfs shows a directory as it is, but for the troubles it was told of. Nothing of
// it is cached by the kernel, so that every operation meets them.
type errfs struct {
	fuse.RawFileSystem
	mu       sync.Mutex         // guards all below
	troubles map[string]trouble // by operation; "*" is all others
	changed  chan struct{}      // closed when they change
	met      int                // operations that met them since then
}

// meet waits or fails as an operation is to.
func (f *errfs) meet(op string) fuse.Status {
	for {
		f.mu.Lock()
		t, ok := f.troubles[op]
		if !ok {
			t = f.troubles["*"]
		}
		if t != (trouble{}) {
			f.met++
		}
		changed := f.changed
		f.mu.Unlock()
		if !t.Hang && t.Delay == 0 {
			return fuse.Status(t.Errno)
		}
		var late <-chan time.Time
		if !t.Hang {
			late = time.After(t.Delay)
		}
		select {
		case <-changed:
		case <-late:
			return fuse.Status(t.Errno)
		}
	}
}

// set changes the troubles and returns how many operations met those before.
func (f *errfs) set(troubles map[string]trouble) (met int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	met, f.met = f.met, 0
	f.troubles = troubles
	close(f.changed)
	f.changed = make(chan struct{})
	return met
}

// uncached lets reads and writes of an open file come to us, each of them.
func uncached(out *fuse.OpenOut) { out.OpenFlags, out.BackingID = fuse.FOPEN_DIRECT_IO, 0 }

func (f *errfs) Lookup(c <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if s := f.meet("lookup"); s != fuse.OK {
		return s
	}
	return f.RawFileSystem.Lookup(c, h, name, out)
}

func (f *errfs) GetAttr(c <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	if s := f.meet("getattr"); s != fuse.OK {
		return s
	}
	return f.RawFileSystem.GetAttr(c, in, out)
}

func (f *errfs) SetAttr(c <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	if s := f.meet("setattr"); s != fuse.OK {
		return s
	}
	return f.RawFileSystem.SetAttr(c, in, out)
}

func (f *errfs) Mkdir(c <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	if s := f.meet("mkdir"); s != fuse.OK {
		return s
	}
	return f.RawFileSystem.Mkdir(c, in, name, out)
}

func (f *errfs) Unlink(c <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	if s := f.meet("unlink"); s != fuse.OK {
		return s
	}
	return f.RawFileSystem.Unlink(c, h, name)
}

func (f *errfs) Rename(c <-chan struct{}, in *fuse.RenameIn, from, to string) fuse.Status {
	if s := f.meet("rename"); s != fuse.OK {
		return s
	}
	return f.RawFileSystem.Rename(c, in, from, to)
}

func (f *errfs) Create(c <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	if s := f.meet("create"); s != fuse.OK {
		return s
	}
	s := f.RawFileSystem.Create(c, in, name, out)
	uncached(&out.OpenOut)
	return s
}

func (f *errfs) Open(c <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if s := f.meet("open"); s != fuse.OK {
		return s
	}
	s := f.RawFileSystem.Open(c, in, out)
	uncached(out)
	return s
}

func (f *errfs) Read(c <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	if s := f.meet("read"); s != fuse.OK {
		return nil, s
	}
	return f.RawFileSystem.Read(c, in, buf)
}

func (f *errfs) Write(c <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	if s := f.meet("write"); s != fuse.OK {
		return 0, s
	}
	return f.RawFileSystem.Write(c, in, data)
}

func (f *errfs) Writev(c <-chan struct{}, in *fuse.WriteIn, data [][]byte) (uint32, fuse.Status) {
	if s := f.meet("write"); s != fuse.OK {
		return 0, s
	}
	return f.RawFileSystem.Writev(c, in, data)
}

func (f *errfs) Fallocate(c <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	if s := f.meet("fallocate"); s != fuse.OK {
		return s
	}
	return f.RawFileSystem.Fallocate(c, in)
}

func (f *errfs) Fsync(c <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	if s := f.meet("fsync"); s != fuse.OK {
		return s
	}
	return f.RawFileSystem.Fsync(c, in)
}

func (f *errfs) OpenDir(c <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if s := f.meet("readdir"); s != fuse.OK {
		return s
	}
	return f.RawFileSystem.OpenDir(c, in, out)
}

func (f *errfs) StatFs(c <-chan struct{}, h *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	if s := f.meet("statfs"); s != fuse.OK {
		return s
	}
	return f.RawFileSystem.StatFs(c, h, out)
}

// errfsPlace is what a server of errfs is told: what it shows, and where.
type errfsPlace struct{ Dir, Mnt string }

// errfsMain is main of a server of errfs. It answers each line of troubles on
// standard input with the number of operations that met those before, and ends with
// its input.
func errfsMain(text string) int {
	err := serveErrfs(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func serveErrfs(text string) error {
	var place errfsPlace
	if err := json.Unmarshal([]byte(text), &place); err != nil {
		return err
	}
	root, err := fs.NewLoopbackRoot(place.Dir)
	if err != nil {
		return err
	}
	var never time.Duration
	f := &errfs{
		RawFileSystem: fs.NewNodeFS(root, &fs.Options{EntryTimeout: &never, AttrTimeout: &never, NegativeTimeout: &never}),
		changed:       make(chan struct{}),
	}
	server, err := fuse.NewServer(f, place.Mnt, &fuse.MountOptions{FsName: "errfs", Name: "errfs", MaxWrite: mib, DisableSplice: true})
	if err != nil {
		return err
	}
	go server.Serve()
	if err := server.WaitMount(); err != nil {
		return err
	}
	fmt.Println(0)
	for in := json.NewDecoder(os.Stdin); ; {
		var troubles map[string]trouble
		if err := in.Decode(&troubles); err != nil {
			break // the test has ended
		}
		fmt.Println(f.set(troubles))
	}
	f.set(nil)
	return server.Unmount()
}

// faultyDisk is errfs in a process of its own.
type faultyDisk struct {
	t     testing.TB
	place errfsPlace
	in    io.WriteCloser
	out   *bufio.Reader
}

// onFaultyDisk gives the stand a cache on errfs.
func (s *stand) onFaultyDisk(t testing.TB) *faultyDisk {
	t.Helper()
	d := &faultyDisk{t: t, place: errfsPlace{Dir: filepath.Join(s.dir, "disk"), Mnt: filepath.Join(s.dir, "errfs")}}
	for _, dir := range []string{d.place.Dir, d.place.Mnt} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(d.place)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), errfsVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	if d.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.out = bufio.NewReader(out)
	t.Cleanup(func() {
		d.in.Close() // fails when the process has ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("errfs: %v", err)
		}
	})
	d.answer() // it is mounted
	s.cache = filepath.Join(d.place.Mnt, "cache")
	return d
}

func (d *faultyDisk) answer() (met int) {
	d.t.Helper()
	if _, err := fmt.Fscanln(d.out, &met); err != nil {
		d.t.Fatalf("errfs: %v", err)
	}
	return met
}

// meet has the disk meet troubles from now on, and none without any. It returns how
// many operations met those before.
func (d *faultyDisk) meet(troubles map[string]trouble) int {
	d.t.Helper()
	if err := json.NewEncoder(d.in).Encode(troubles); err != nil {
		d.t.Fatal(err)
	}
	return d.answer()
}

// each makes all the operations meet one trouble.
func each(t trouble, ops ...string) map[string]trouble {
	all := map[string]trouble{}
	for _, op := range ops {
		all[op] = t
	}
	return all
}
