package catalog

import "strings"

// escaping says whether components of keys that no file system has are called by
// other names (rule 8), or by none. It is a value: what is called what depends on
// nothing else, and no two things of a directory are called alike.
//
// A component is called by its own bytes, but that NUL is '␀' and that each of the
// four special characters has a quote before it; an empty one is '／', and dots are
// '．' and '．．'. So an unquoted quote never stands before anything but a special
// character, which leaves it free to begin what follows a shadowed object's name,
// and the name of a marker's content.
type escaping bool

const (
	quote      = "\u201b" // ‛
	empty      = "\uff0f" // ／
	dot        = "\uff0e" // ．
	nul        = "\u2400" // ␀
	shadowMark = quote + "file"
	markerName = quote + "marker"
)

// meaning is what a name stands for, of a component or of the directory's own.
type meaning int

const (
	itself   meaning = iota // the directory called so, or else the object
	shadowed                // the object beside a directory called so
	content                 // of the directory's marker
)

// name returns what a component is called, false for nothing.
func (e escaping) name(component string) (string, bool) {
	switch component {
	case "":
		return empty, bool(e)
	case ".":
		return dot, bool(e)
	case "..":
		return dot + dot, bool(e)
	}
	if !e {
		return component, strings.IndexByte(component, 0) < 0
	}
	return quoted(component), true
}

// quoted is name but for components that are called otherwise as a whole: what a
// component begins with is called so, and the rest comes behind.
func quoted(s string) string {
	if !special(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		n := 1
		switch {
		case s[0] == 0:
			b.WriteString(nul)
			s = s[1:]
			continue
		case specialAt(s):
			b.WriteString(quote)
			n = len(quote)
		}
		b.WriteString(s[:n])
		s = s[n:]
	}
	return b.String()
}

// parse returns what a name stands for; false for nothing. Names that differ stand
// for something else: name(component) is the only one that stands for it itself.
func (e escaping) parse(name string) (component string, what meaning, ok bool) {
	if !bool(e) || !special(name) {
		_, ok = escaping(false).name(name)
		return name, itself, ok
	}
	if name == markerName {
		return "", content, true
	}
	// The quote before the mark is unquoted if the rest parses.
	if rest, marked := strings.CutSuffix(name, shadowMark); marked {
		// An object's key that ends in "/" is a marker.
		if component, what, ok = e.parse(rest); ok && what == itself && component != "" {
			return component, shadowed, true
		}
	}
	switch name {
	case empty:
		return "", itself, true
	case dot:
		return ".", itself, true
	case dot + dot:
		return "..", itself, true
	}
	component, ok = unquoted(name)
	return component, itself, ok
}

// unquoted is the inverse of quoted; false for what that never returns.
func unquoted(s string) (string, bool) {
	var b strings.Builder
	for len(s) > 0 {
		n := 1
		switch {
		case s[0] == 0:
			return "", false
		case strings.HasPrefix(s, nul):
			b.WriteByte(0)
			s = s[len(nul):]
			continue
		case strings.HasPrefix(s, quote) && specialAt(s[len(quote):]):
			s = s[len(quote):]
			n = len(quote)
		case specialAt(s):
			return "", false
		}
		b.WriteString(s[:n])
		s = s[n:]
	}
	return b.String(), true
}

// special reports whether s may contain a special character or NUL. Nearly no name
// does.
func special(s string) bool {
	return strings.IndexByte(s, quote[0]) >= 0 || strings.IndexByte(s, empty[0]) >= 0 || strings.IndexByte(s, 0) >= 0
}

// specialAt reports whether s begins with a special character. They are looked for as
// bytes: none can begin inside of another, nor does what is around them matter.
func specialAt(s string) bool {
	return strings.HasPrefix(s, quote) || strings.HasPrefix(s, empty) || strings.HasPrefix(s, dot) || strings.HasPrefix(s, nul)
}
