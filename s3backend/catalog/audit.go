package catalog

import (
	"slices"
	"strings"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Reason is why a key has no name, or not its own (rules 1, 4, 5, 6, 8 and 9).
type Reason string

// The reasons, as Hidden counts them but for the last: such a key is a path, and in
// escape mode the path of another.
const (
	ReasonUnrepresentable Reason = "unrepresentable"
	ReasonTooLong         Reason = "too long"
	ReasonMarkerContent   Reason = "marker with content"
	ReasonShadowed        Reason = "shadowed by a directory"
	ReasonQuoted          Reason = "quoted"
)

// Finding is a key that a mount does not show, or shows as another path.
type Finding struct {
	Key    string
	Reason Reason
	// Path is where it is shown, relative to the mount point; empty is nowhere.
	Path string
}

// Audit finds the keys that a mount of a prefix does not show as what they are called,
// among all its keys in the order of their bytes. It is a value without I/O; its memory
// is bounded by the length of a key.
type Audit struct {
	prefix  string
	names   escaping
	nameMax int
	// open are files that a directory may still come for, as what they are if none
	// does: each begins with the one before it.
	open []Finding
}

// NewAudit begins with the first key. A nameMax of 0 is 1024; escape is as of the
// mount's Config.
func NewAudit(prefix string, nameMax int, escape bool) *Audit {
	if nameMax <= 0 || nameMax > maxKey {
		nameMax = maxKey
	}
	return &Audit{prefix: prefix, names: escaping(escape), nameMax: nameMax}
}

// Add takes the next key, and returns what is known by now of this and earlier ones.
func (a *Audit) Add(o s3backend.Object) (found []Finding) {
	rest, below := strings.CutPrefix(o.Key, a.prefix)
	if !below || rest == "" {
		return nil
	}
	found = a.settle(o.Key)
	key, marker := strings.CutSuffix(rest, "/")
	f := a.path(key)
	f.Key = o.Key
	switch {
	case f.Path == "":
	case !marker:
		a.open = append(a.open, f)
		return found
	case o.Size > 0:
		f = a.beside(f, "/"+markerName, ReasonMarkerContent)
	default:
		return found // it is its directory
	}
	return append(found, f)
}

// End returns what is found of the last keys.
func (a *Audit) End() []Finding {
	found := slices.DeleteFunc(a.open, func(f Finding) bool { return f.Reason == "" })
	a.open = nil
	return found
}

// settle says what becomes of the open files that key is inside of, or behind.
func (a *Audit) settle(key string) (found []Finding) {
	kept := a.open[:0]
	for _, f := range a.open {
		switch dir := f.Key + "/"; {
		case strings.HasPrefix(key, dir):
			found = append(found, a.beside(f, shadowMark, ReasonShadowed))
		case key < dir:
			kept = append(kept, f)
		case f.Reason != "":
			found = append(found, f)
		}
	}
	a.open = kept
	return found
}

// beside makes f that which is called by its path and what is behind it.
func (a *Audit) beside(f Finding, behind string, why Reason) Finding {
	f.Reason = why
	f.Path += behind
	if !a.names {
		f.Path = ""
	} else if _, name := split(f.Path); len(name) > a.nameMax {
		f.Path, f.Reason = "", ReasonTooLong
	}
	return f
}

// path finds what a key below the prefix is called, but for its last slash.
func (a *Audit) path(key string) (f Finding) {
	var path []string
	for component := range strings.SplitSeq(key, "/") {
		name, kind := a.names.classify(component, a.nameMax)
		switch {
		case kind == unrepresentable:
			return Finding{Reason: ReasonUnrepresentable}
		case kind == tooLong:
			return Finding{Reason: ReasonTooLong}
		case name == component, f.Reason == ReasonUnrepresentable:
		case quoted(component) == name && strings.IndexByte(component, 0) < 0:
			f.Reason = ReasonQuoted
		default:
			f.Reason = ReasonUnrepresentable
		}
		path = append(path, name)
	}
	f.Path = strings.Join(path, "/")
	return f
}
