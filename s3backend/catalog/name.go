package catalog

import "strings"

// maxKey is S3's longest key in bytes; a path whose key would be longer exists
// nowhere, and servers answer such a question with 400.
const maxKey = 1024

// nameKind says what stands between a component of a key and being a name.
type nameKind int

const (
	named nameKind = iota
	unrepresentable
	tooLong
)

// classify judges one component of a key (rules 1, 6 and 9).
func classify(component string, nameMax int) nameKind {
	switch {
	case component == "" || component == "." || component == "..":
		return unrepresentable
	case strings.IndexByte(component, 0) >= 0:
		return unrepresentable
	case len(component) > nameMax:
		return tooLong
	}
	return named
}

// hasName reports whether path, relative to the prefix, can be a name at all. The
// root "" can.
func (c *Catalog) hasName(path string) bool {
	if path == "" {
		return true
	}
	if len(c.cfg.Prefix)+len(path) > maxKey {
		return false
	}
	for component := range strings.SplitSeq(path, "/") {
		if classify(component, c.cfg.NameMax) != named {
			return false
		}
	}
	return true
}

// split cuts path into its parent and its last component.
func split(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

// Below returns what all keys inside the directory at path start with.
func (c *Catalog) Below(path string) string {
	if path == "" {
		return c.cfg.Prefix
	}
	return c.cfg.Prefix + path + "/"
}

// folderMarker reports whether name is the empty file that some tools leave for a
// directory (rule 18).
func folderMarker(name string, size int64) bool {
	return size == 0 && strings.HasSuffix(name, "_$folder$")
}
