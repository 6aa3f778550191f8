package shape_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/zs3fs/zs3fs"

// allowed is the order of the read path: a package of the module may import
// those named beside it, and no other. To make an import possible, move the
// code; do not edit the list.
var allowed = map[string][]string{
	"s3backend":                    nil,
	"s3backend/asof":               {"s3backend"},
	"s3backend/catalog":            {"s3backend", "s3backend/catalog/ledger"},
	"s3backend/catalog/ledger":     nil,
	"s3backend/s3test":             {"s3backend"},
	"s3backend/s3test/conformance": {"s3backend", "s3backend/s3test"},
	"blockcache/crc64":             nil,
	"blockcache/s3fifo":            nil,
	"blockcache/zfs":               nil,
	"blockcache":                   {"s3backend", "blockcache/crc64", "blockcache/s3fifo"},
	"prefetch/parquet":             nil,
	"prefetch":                     {"s3backend", "blockcache", "blockcache/crc64", "blockcache/s3fifo", "prefetch/parquet"},
	"fusefs":                       {"s3backend", "s3backend/catalog", "s3backend/catalog/ledger", "blockcache", "blockcache/crc64", "blockcache/s3fifo", "prefetch", "prefetch/parquet"},
}

// forbidden keeps a subject in the one package that knows of it: the value lists
// the packages of the module that may import what starts with the key.
var forbidden = map[string][]string{
	"net/http":                     {"s3backend", "s3backend/s3test"},
	"github.com/aws/":              {"s3backend", "s3backend/s3test", "s3backend/s3test/conformance"},
	"github.com/hanwen/go-fuse/v2": {"fusefs"},
	"github.com/mistifyio/go-zfs/": {"blockcache/zfs"},
	"github.com/apache/thrift/":    {"prefetch/parquet"},
	"testing":                      {"s3backend/s3test/conformance"},
}

type pkg struct {
	ImportPath, Dir, Name string
	Imports               []string
	Deps                  []string
}

func TestImportsGoOneWay(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		path, onPath := allowed[name]
		for _, imp := range p.Imports {
			if below, ok := strings.CutPrefix(imp, module+"/"); ok {
				switch {
				case onPath && !slices.Contains(path, below):
					t.Errorf("%s imports %s: only %v may be imported there", name, below, path)
				case !onPath && !tool(name):
					t.Errorf("%s is on no list of this test", name)
				case strings.HasPrefix(below, "cmd/") && !strings.HasPrefix(name, "cmd/"):
					t.Errorf("%s imports the command %s", name, below)
				}
			}
			for prefix, who := range forbidden {
				if strings.HasPrefix(imp, prefix) && onPath && !slices.Contains(who, name) {
					t.Errorf("%s imports %s, which is for %v only", name, imp, who)
				}
			}
		}
	}
}

// TestDeps looks through every import, also indirect ones.
func TestDeps(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		path, ok := allowed[name]
		if !ok {
			continue
		}
		for _, dep := range p.Deps {
			below, ok := strings.CutPrefix(dep, module+"/")
			if ok && !slices.Contains(path, below) {
				t.Errorf("%s depends on %s", name, below)
			}
		}
	}
}

func TestEveryPackageHasDocGo(t *testing.T) {
	for _, p := range list(t) {
		text, err := os.ReadFile(filepath.Join(p.Dir, "doc.go"))
		if err != nil {
			t.Errorf("%s: %v", p.ImportPath, err)
			continue
		}
		want := "// Package " + p.Name + " "
		if p.Name == "main" { // by convention, the command's name opens its comment
			want = "// "
		}
		if !strings.HasPrefix(string(text), want) {
			t.Errorf("%s/doc.go does not begin with the package comment", p.Dir)
		}
	}
}

// list returns the module's packages. It fails when the read path's own are not
// among them, lest the tests above look at nothing.
func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Name,Imports,Deps", module+"/...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	seen := map[string]bool{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
		seen[strings.TrimPrefix(p.ImportPath, module+"/")] = true
	}
	for name := range allowed {
		if !seen[name] {
			t.Errorf("package %s is gone", name)
		}
	}
	return all
}

// tool reports whether a package stands outside the read path and builds on it.
func tool(name string) bool {
	return strings.HasPrefix(name, "cmd/") || strings.HasPrefix(name, "internal/") || strings.HasPrefix(name, "scripts/")
}
