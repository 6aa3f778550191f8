package fusefs

import (
	"path"
	"strings"

	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
)

// following looks for the files that come after another one in the order of paths, as deep
// as that: a table's partitions are directories side by side. It asks nobody: what was
// listed shows.
type following struct {
	t      *tree
	wanted func(s3backend.Object) bool
	most   int // files
	looks  int // names that may still be looked at
	found  []prefetch.NextFile
}

const (
	// Tables are partitioned by a few columns, one a level of directories.
	maxLevels = 8
	// Of a directory of other files no more than this is looked through for the next one.
	maxLooks = 1024
)

// following implements prefetch.Following.
func (t *tree) following(after string, n int, wanted func(s3backend.Object) bool) []prefetch.NextFile {
	w := &following{t: t, wanted: wanted, most: n, looks: maxLooks}
	for depth := range maxLevels {
		dir, name := path.Split(after)
		dir = strings.TrimSuffix(dir, "/")
		if !w.below(dir, name, depth) || dir == "" {
			break
		}
		after = dir
	}
	return w.found
}

// below looks in the directory dir behind a name for files so many levels down, and reports
// whether to go on behind it.
func (w *following) below(dir, behind string, depth int) bool {
	list, complete := w.t.cfg.Catalog.Kept(dir)
	if list == nil {
		return false // what is there nobody knows
	}
	for _, n := range list.From(list.Search(behind)) {
		if w.looks--; w.looks < 0 || len(w.found) == w.most {
			return false
		}
		switch {
		case n.Name == behind || hidden(n.Name) || n.Dir != (depth > 0):
		case n.Dir:
			if !w.below(path.Join(dir, n.Name), "", depth-1) {
				return false
			}
		case !n.Object.Archived() && inSequence(n.Object.Size, list) && w.wanted(n.Object):
			w.found = append(w.found, prefetch.NextFile{Path: path.Join(dir, n.Name), Object: n.Object})
		}
	}
	return complete // else more may come before what is behind it
}

// hidden reports whether readers of tables leave a name out, as Hadoop does: _delta_log and
// _SUCCESS, .part-00000.crc.
func hidden(name string) bool { return strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") }
