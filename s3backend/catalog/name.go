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

// classify judges one component of a key, and says what it is called (rules 1, 6, 8
// and 9).
func (e escaping) classify(component string, nameMax int) (string, nameKind) {
	name, ok := e.name(component)
	switch {
	case !ok:
		return "", unrepresentable
	case len(name) > nameMax:
		return "", tooLong
	}
	return name, named
}

// means returns what path, relative to the prefix, can stand for; false if it can be
// no name at all. The root "" stands for itself.
func (c *Catalog) means(path string) (what meaning, ok bool) {
	if path == "" {
		return itself, true
	}
	length := len(c.cfg.Prefix)
	for rest, more := path, true; more; {
		var name, component string
		name, rest, more = strings.Cut(rest, "/")
		component, what, ok = c.names().parse(name)
		// The prefix's own key is out of scope.
		if !ok || len(name) > c.cfg.NameMax || what != itself && more || what == content && name == path {
			return itself, false
		}
		if length += len(component); more {
			length++
		}
	}
	return what, length <= maxKey
}

// rules returns those for the directory at path.
func (c *Catalog) rules(path string) rules {
	return rules{names: c.names(), nameMax: c.cfg.NameMax, hideFolderMarkers: c.cfg.HideFolderMarkers, root: path == ""}
}

// split cuts path into its parent and its last component.
func split(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

// join is the reverse of split.
func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// Below returns what all keys inside the directory at path start with.
func (c *Catalog) Below(path string) string {
	if path == "" {
		return c.cfg.Prefix
	}
	return c.Key(path) + "/"
}

// Key returns the key of the object at path, or of the directory without its last
// slash.
func (c *Catalog) Key(path string) string {
	if c.plain(path) {
		return c.cfg.Prefix + path
	}
	var key strings.Builder
	key.WriteString(c.cfg.Prefix)
	for rest, more := path, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		component, _, _ := c.names().parse(name)
		if key.WriteString(component); more {
			key.WriteByte('/')
		}
	}
	return key.String()
}

// Identity returns the key below the prefix, as Key: what path stands for is the same
// whatever it is called. beside says that something else in the mount has that key
// too: path is the object that a directory shadows, the content of a marker, or the
// directory of no name in the root.
func (c *Catalog) Identity(path string) (key string, beside bool) {
	if c.plain(path) {
		return path, false
	}
	what, _ := c.means(path)
	key = c.Key(path)[len(c.cfg.Prefix):]
	return key, what != itself || key == ""
}

// Shadowed returns the path that the object at path has while a directory has its own;
// false if it has none.
func (c *Catalog) Shadowed(path string) (string, bool) {
	what, ok := c.means(path)
	if !c.cfg.Escape || !ok || what != itself || path == "" || !isObject(c.Key(path)) {
		return "", false
	}
	return path + shadowMark, true
}

// plain reports whether path is surely called by its key.
func (c *Catalog) plain(path string) bool { return !c.cfg.Escape || !special(path) }

func (c *Catalog) names() escaping { return escaping(c.cfg.Escape) }

// isObject reports whether there can be an object of that key, beside a directory or
// instead of one: otherwise it is a marker, or none.
func isObject(key string) bool { return key != "" && !strings.HasSuffix(key, "/") }

// folderMarker reports whether name is the empty file that some tools leave for a
// directory (rule 18).
func folderMarker(name string, size int64) bool {
	return size == 0 && strings.HasSuffix(name, "_$folder$")
}
