package zfs

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// world is what the fake programs zfs and zpool know: the test's own binary under
// their names, which answers as OpenZFS 2.3 does.
type world struct {
	Datasets map[string]map[string]string // by name, "pool", "pool/fs", "pool/fs@snap"
	Pools    map[string]map[string]string
	Unknown  []string   // properties that this version does not have
	Broken   bool       // each command fails, as with the module not loaded
	Ran      [][]string // the command lines, in order
}

const worldVariable = "ZS3FS_TEST_ZFS_WORLD"

// defaults are a dataset's, as zfs get -p shows them.
func defaults() map[string]string {
	return map[string]string{
		"recordsize": "131072", "compression": "on", "atime": "on", "xattr": "sa", "sync": "standard", "primarycache": "all",
		"direct": "standard", "redundant_metadata": "all", "com.sun:auto-snapshot": "-", "exec": "on", "setuid": "on", "devices": "on",
		"special_small_blocks": "0", "dedup": "off", "copies": "1", "readonly": "off", "canmount": "on", "quota": "0", "refquota": "0",
		"keystatus": "-", "referenced": "98304", "usedbysnapshots": "0", "refcompressratio": "1.00", "mountpoint": "/nowhere",
		"type": "filesystem", "used": "98304", "available": "1000000", "origin": "-", "volsize": "-", "written": "98304",
		"logicalused": "42496", "usedbydataset": "98304",
	}
}

func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); name == "zfs" || name == "zpool" {
		os.Exit(fake(name, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// host is a machine with fake programs, and a mount table of the test's own.
type host struct {
	t     *testing.T
	dir   string
	table Table
	*Tools
}

func newHost(t *testing.T, w world) *host {
	t.Helper()
	h := &host{t: t, dir: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"zfs", "zpool"} {
		if err := os.Symlink(self, filepath.Join(h.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	h.write(w)
	t.Setenv(worldVariable, filepath.Join(h.dir, "world"))
	t.Setenv("PATH", h.dir)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // a fake ends a second late otherwise
	if h.Tools, err = Find(); err != nil {
		t.Fatal(err)
	}
	h.mounts = func() (Table, error) { return h.table, nil }
	return h
}

func (h *host) write(w world) {
	h.t.Helper()
	text, err := json.Marshal(w)
	if err == nil {
		err = os.WriteFile(filepath.Join(h.dir, "world"), text, 0o600)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) world() (w world) {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "world"))
	if err == nil {
		err = json.Unmarshal(text, &w)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

// mount puts a directory of the test into the table, as the dataset's mount.
func (h *host) mount(dataset string) string {
	h.t.Helper()
	dir := h.t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		h.t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		h.t.Fatal(err)
	}
	h.table = append(h.table, &mountinfo.Info{Source: dataset, Root: "/", Mountpoint: dir, FSType: "zfs",
		Major: int(unix.Major(st.Dev)), Minor: int(unix.Minor(st.Dev))})
	return dir
}

// fake is the programs' main function.
func fake(program string, args []string) int {
	file := os.Getenv(worldVariable)
	var w world
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &w)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	w.Ran = append(w.Ran, append([]string{program}, args...))
	status := w.run(program, args)
	if text, err = json.Marshal(w); err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return 3
	}
	return status
}

func (w *world) run(program string, args []string) int {
	switch {
	case w.Broken:
		fmt.Fprintln(os.Stderr, "The ZFS modules cannot be auto-loaded.\nTry running 'modprobe zfs' as root to manually load them.")
		return 1
	case program == "zfs" && args[0] == "create":
		return w.create(args[1:])
	case program == "zfs" && args[0] == "list":
		return w.list(args[1:])
	case args[0] == "get" && len(args) == 4 && args[1] == "-Hp":
		known, what := w.Datasets, "dataset does not exist"
		if program == "zpool" {
			known, what = w.Pools, "no such pool"
		}
		return w.get(known, what, strings.Split(args[2], ","), args[3])
	}
	fmt.Fprintln(os.Stderr, "unrecognized command")
	return 2
}

func (w *world) get(known map[string]map[string]string, or string, properties []string, name string) int {
	for _, p := range properties {
		if slices.Contains(w.Unknown, p) {
			fmt.Fprintf(os.Stderr, "bad property list: invalid property '%s'\nusage: ...\n", p)
			return 2
		}
	}
	values, ok := known[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "cannot open '%s': %s\n", name, or)
		return 1
	}
	for _, p := range properties {
		fmt.Printf("%s\t%s\t%s\tlocal\n", name, p, values[p])
	}
	return 0
}

// create is zfs create -o name=value ... NAME.
func (w *world) create(args []string) int {
	values := defaults()
	for len(args) > 2 && args[0] == "-o" {
		name, value, _ := strings.Cut(args[1], "=")
		if slices.Contains(w.Unknown, name) {
			fmt.Fprintf(os.Stderr, "cannot create '%s': invalid property '%s'\n", args[len(args)-1], name)
			return 1
		}
		values[name], args = value, args[2:]
	}
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "too many arguments")
		return 2
	}
	w.Datasets[args[0]] = values
	return 0
}

// list is zfs list [-r] -Hp [-t TYPE] -o LIST [NAME].
func (w *world) list(args []string) int {
	kind, columns, name := "filesystem", []string(nil), ""
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-t":
			i++
			kind = args[i]
		case "-o":
			i++
			columns = strings.Split(args[i], ",")
		default:
			if args[i][0] != '-' {
				name = args[i]
			}
		}
	}
	if _, ok := w.Datasets[name]; name != "" && !ok {
		fmt.Fprintf(os.Stderr, "cannot open '%s': dataset does not exist\n", name)
		return 1
	}
	for _, d := range slices.Sorted(maps.Keys(w.Datasets)) {
		below := name == "" || d == name || strings.HasPrefix(d, name+"/") || strings.HasPrefix(d, name+"@")
		if !below || (kind == "snapshot") != strings.Contains(d, "@") {
			continue
		}
		row := []string{d}
		for _, c := range columns[1:] {
			row = append(row, w.Datasets[d][c])
		}
		fmt.Println(strings.Join(row, "\t"))
	}
	return 0
}
