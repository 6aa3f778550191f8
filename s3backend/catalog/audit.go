package catalog

import (
	"strings"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Reason is why a key has no name, or not its own (rules 1, 4, 5, 6 and 9).
type Reason string

// The reasons, as Hidden counts them.
const (
	ReasonUnrepresentable Reason = "unrepresentable"
	ReasonTooLong         Reason = "too long"
	ReasonMarkerContent   Reason = "marker with content"
	ReasonShadowed        Reason = "shadowed by a directory"
)

// Finding is a key that a mount does not show.
type Finding struct {
	Key    string
	Reason Reason
}

// Audit finds the keys that a mount of a prefix does not show, among all its keys in
// the order of their bytes. It is a value without I/O; its memory is bounded by the
// length of a key.
type Audit struct {
	prefix  string
	nameMax int
	// open are files that a directory may still come for: each begins with the one
	// before it.
	open []string
}

// NewAudit begins with the first key. A nameMax of 0 is 1024.
func NewAudit(prefix string, nameMax int) *Audit {
	if nameMax <= 0 || nameMax > maxKey {
		nameMax = maxKey
	}
	return &Audit{prefix: prefix, nameMax: nameMax}
}

// Add takes the next key, and returns what is known to be hidden by now.
func (a *Audit) Add(o s3backend.Object) (found []Finding) {
	rest, below := strings.CutPrefix(o.Key, a.prefix)
	if !below || rest == "" {
		return nil
	}
	kept := a.open[:0]
	for _, file := range a.open {
		switch dir := file + "/"; {
		case strings.HasPrefix(o.Key, dir):
			found = append(found, Finding{file, ReasonShadowed})
		case o.Key < dir:
			kept = append(kept, file)
		}
	}
	a.open = kept
	marker := strings.HasSuffix(rest, "/")
	switch reason := a.reason(strings.TrimSuffix(rest, "/")); {
	case reason != "":
		found = append(found, Finding{o.Key, reason})
	case marker && o.Size > 0:
		found = append(found, Finding{o.Key, ReasonMarkerContent})
	case !marker:
		a.open = append(a.open, o.Key)
	}
	return found
}

func (a *Audit) reason(path string) Reason {
	for component := range strings.SplitSeq(path, "/") {
		switch classify(component, a.nameMax) {
		case unrepresentable:
			return ReasonUnrepresentable
		case tooLong:
			return ReasonTooLong
		}
	}
	return ""
}
