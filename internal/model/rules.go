package model

import (
	"maps"
	"strings"
)

// Keys are what a bucket holds at one moment.
type Keys map[string]Object

// Object is what a key holds.
type Object struct {
	ETag string
	Size int64
	// Version of the coded bytes: of each put another one.
	Version uint32
}

// Rules are those of docs/semantics.md, and their options.
type Rules struct {
	Prefix  string // empty, or ending in "/"
	NameMax int
	Escape  bool // rule 8, instead of 6
}

// Kind of what a path is.
type Kind int

// The kinds.
const (
	Absent Kind = iota
	File
	Dir
)

func (k Kind) String() string { return [...]string{"absent", "a file", "a directory"}[k] }

// Node is what a path is: of a file its object.
type Node struct {
	Kind   Kind
	Object Object
}

// Hidden counts the keys of a directory that have no name (rule 7). What lies below
// a component that has none counts once.
type Hidden struct {
	Unrepresentable, Shadowed, MarkerContent, TooLong int
}

// Tree is what a set of keys shows. Its paths are relative to the prefix, and "" is
// the root.
type Tree struct {
	Files  map[string]Object // those that a directory shadows included
	Dirs   map[string]bool
	Hidden map[string]Hidden // by directory
}

// Show makes the tree of keys.
func (r Rules) Show(keys Keys) *Tree {
	t := &Tree{Files: map[string]Object{}, Dirs: map[string]bool{"": true}, Hidden: map[string]Hidden{}}
	counted := map[string]bool{}
	for key, object := range keys {
		if rest, ok := strings.CutPrefix(key, r.Prefix); ok && rest != "" {
			r.place(t, rest, object, counted)
		}
	}
	for path, object := range maps.Clone(t.Files) {
		switch { // rule 5
		case !t.Dirs[path]:
		case !r.Escape:
			t.count(Parent(path), func(h *Hidden) { h.Shadowed++ })
		case len(Base(path)+shadowed) > r.NameMax:
			t.count(Parent(path), func(h *Hidden) { h.TooLong++ })
		default:
			t.Files[path+shadowed] = object
		}
	}
	return t
}

// place puts one key in the tree. counted holds the components that were counted as
// hidden.
func (r Rules) place(t *Tree, rest string, object Object, counted map[string]bool) {
	dir := ""
	for {
		component, below, isDir := strings.Cut(rest, "/")
		if component == "" && !isDir { // rule 4
			r.marker(t, dir, object)
			return
		}
		name, ok := r.name(component)
		if !ok || len(name) > r.NameMax { // rules 6 and 9
			if once := dir + "/" + rest[:len(rest)-len(below)]; !counted[once] {
				counted[once] = true
				t.count(dir, func(h *Hidden) {
					if ok {
						h.TooLong++
					} else {
						h.Unrepresentable++
					}
				})
			}
			return
		}
		path := Join(dir, name)
		if !isDir { // rule 2
			t.Files[path] = object
			return
		}
		t.Dirs[path] = true // rule 3
		dir, rest = path, below
	}
}

// marker puts the content of a directory's marker in the tree.
func (r Rules) marker(t *Tree, dir string, object Object) {
	switch {
	case object.Size == 0:
	case !r.Escape:
		t.count(dir, func(h *Hidden) { h.MarkerContent++ })
	case len(content) > r.NameMax:
		t.count(dir, func(h *Hidden) { h.TooLong++ })
	default:
		t.Files[Join(dir, content)] = object
	}
}

// What rule 8 calls what has no name of its own.
const (
	shadowed = "‛file"
	content  = "‛marker"
)

// name is what a component is called, false for nothing.
func (r Rules) name(component string) (string, bool) {
	nameless := component == "" || component == "." || component == ".."
	switch {
	case !r.Escape: // rule 1
		return component, !nameless && !strings.Contains(component, "\x00")
	case nameless:
		return map[string]string{"": "／", ".": "．", "..": "．．"}[component], true
	}
	return strings.NewReplacer("／", "‛／", "．", "‛．", "␀", "‛␀", "‛", "‛‛", "\x00", "␀").Replace(component), true
}

func (t *Tree) count(dir string, add func(*Hidden)) {
	h := t.Hidden[dir]
	add(&h)
	t.Hidden[dir] = h
}

// At returns what a path is.
func (t *Tree) At(path string) Node {
	if t.Dirs[path] {
		return Node{Kind: Dir}
	}
	if object, ok := t.Files[path]; ok {
		return Node{Kind: File, Object: object}
	}
	return Node{}
}

// Names returns what a directory holds.
func (t *Tree) Names(dir string) map[string]Node {
	names := map[string]Node{}
	see := func(path string) {
		if path != "" && Parent(path) == dir {
			names[Base(path)] = t.At(path)
		}
	}
	for path := range t.Files {
		see(path)
	}
	for path := range t.Dirs {
		see(path)
	}
	return names
}

// Join returns the path of a name in a directory.
func Join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// Parent returns the directory that a path lies in.
func Parent(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }

// Base returns a path's last component.
func Base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
