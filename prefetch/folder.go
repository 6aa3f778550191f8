package prefetch

import (
	"strings"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Listing is a directory in the order in which its files may be read. It does not
// change; package catalog's is one. It need not be fresh: what is fetched is bound
// to the versions in it, and nobody takes them for the present ones on its word.
type Listing interface {
	Len() int
	// Place returns where a name is in it.
	Place(name string) (int, bool)
	// File returns the entry at a place; false for what is no file, or cannot be
	// read.
	File(place int) (s3backend.Object, bool)
	// Sum is equal for listings of the same names in the same versions; 0 is
	// unknown. Asked is when it was made, and the same for one that has only grown
	// longer since.
	Sum() uint64
	Asked() time.Time
}

// sameFiles reports whether the files of a have the same places in b.
func sameFiles(a, b Listing) bool {
	return a == b || a.Asked().Equal(b.Asked()) || a.Sum() == b.Sum() && a.Len() == b.Len() && a.Sum() != 0
}

// suffixOf returns what the names of one kind of file have in common; empty for
// none. What has no letter counts files rather than tells their kind: part.0001.
func suffixOf(key string) string {
	name := key[strings.LastIndexByte(key, '/')+1:]
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || len(name)-dot > maxSuffix {
		return ""
	}
	suffix := name[dot+1:]
	if strings.Trim(suffix, "0123456789") == "" {
		return ""
	}
	return suffix
}

const maxSuffix = 10
