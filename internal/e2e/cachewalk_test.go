package e2e_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/minio/crc64nvme"
)

// These are the format on disk, told a second time: what the daemon has written
// is looked at with nothing of its own.
const (
	mapHeader  = 192 // and seal
	mapSizeAt  = 48
	mapBlockAt = 56
	mapEntry   = 8
)

var (
	cacheShard = regexp.MustCompile(`^[0-9a-f]{2}$`)
	cacheFile  = regexp.MustCompile(`^[0-9a-f]{62}(\.map)?$`)
	cacheHome  = regexp.MustCompile(`^[A-Za-z0-9_-]+-[0-9a-f]{16}$`)
	// cacheOwn are the files beside the objects.
	cacheOwn = []string{"format.json", "lock", "objects", "clean", "lost", "unsynced", "order", "names"}
	// namesOwn are those of the names, of which a killed daemon may leave the others.
	namesOwn = []string{"log", "marks", "log.new", "marks.new"}
)

// onDisk is what lies in a cache directory.
type onDisk struct {
	versions int
	bytes    int64 // of the blocks that the maps say are present
}

// walkCache looks at a cache directory that no daemon uses: there is nothing but
// objects and their maps, and every block that a map says is present has the
// checksum that the map says. With swept, no object lacks its map either, nor a map
// its object.
func walkCache(t testing.TB, cache string, swept bool) onDisk {
	t.Helper()
	var sum onDisk
	for _, home := range list(t, cache) {
		if !cacheHome.MatchString(home) {
			t.Errorf("foreign: %s", home)
		}
		for _, own := range list(t, filepath.Join(cache, home)) {
			if !slices.Contains(cacheOwn, own) {
				t.Errorf("foreign or temporary: %s/%s", home, own)
			}
		}
		for _, own := range list(t, filepath.Join(cache, home, "names")) {
			if !slices.Contains(namesOwn, own) {
				t.Errorf("foreign or temporary: %s/names/%s", home, own)
			}
		}
		objects := filepath.Join(cache, home, "objects")
		for _, shard := range list(t, objects) {
			if !cacheShard.MatchString(shard) {
				t.Errorf("foreign: objects/%s", shard)
			}
			for _, name := range list(t, filepath.Join(objects, shard)) {
				path := filepath.Join(objects, shard, name)
				switch {
				case !cacheFile.MatchString(name):
					t.Errorf("foreign or temporary: objects/%s/%s", shard, name)
				case filepath.Ext(name) == ".map":
					sum.versions++
					sum.bytes += walkVersion(t, path, swept)
				case swept:
					if _, err := os.Stat(path + ".map"); err != nil {
						t.Errorf("an object without a map: %v", err)
					}
				}
			}
		}
	}
	return sum
}

// walkVersion checks one version and returns the bytes of its present blocks.
func walkVersion(t testing.TB, mapFile string, swept bool) (present int64) {
	t.Helper()
	m, err := os.ReadFile(mapFile)
	if err != nil {
		t.Fatal(err)
	}
	object, err := os.Open(mapFile[:len(mapFile)-len(".map")])
	if err != nil {
		if swept {
			t.Errorf("a map without an object: %v", err)
		}
		return 0
	}
	defer object.Close()
	if len(m) < mapHeader {
		if swept {
			t.Errorf("%s has only %d bytes", mapFile, len(m))
		}
		return 0
	}
	size, block := int64(binary.LittleEndian.Uint64(m[mapSizeAt:])), int64(binary.LittleEndian.Uint64(m[mapBlockAt:]))
	for i, off := mapHeader, int64(0); i+mapEntry <= len(m); i, off = i+mapEntry, off+block {
		want := binary.LittleEndian.Uint64(m[i:])
		if want == 0 {
			continue
		}
		p := make([]byte, min(block, size-off))
		if n, err := object.ReadAt(p, off); n < len(p) {
			t.Errorf("%s: block at %d: %d bytes of %d, %v", mapFile, off, n, len(p), err)
		} else if crc64nvme.Checksum(p) != want {
			t.Errorf("%s: the block at %d has another checksum than its map says", mapFile, off)
		}
		present += int64(len(p))
	}
	return present
}

// list returns the names in a directory.
func list(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
