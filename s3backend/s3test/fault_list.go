package s3test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// EditListing changes a listing before it is written down; other answers are left
// alone. The entries may be changed in place.
func EditListing(edit func(*Listing)) Action {
	return func(_ Request, r *Reply) {
		if r.Listing != nil {
			edit(r.Listing)
		}
	}
}

// TruncatedNoToken says that more follows, and not where.
func TruncatedNoToken() Action {
	return EditListing(func(l *Listing) { l.Truncated, l.NextToken = true, "" })
}

// SameToken says that more follows, at the page that was just asked for: a client
// that believes it lists for ever. On a first page the token is the first one's
// own, of the next.
func SameToken() Action {
	return EditListing(func(l *Listing) {
		l.Truncated = true
		if l.Token != "" {
			l.NextToken = l.Token
		}
	})
}

// RepeatEntries lists every key and common prefix of a page twice.
func RepeatEntries() Action {
	return EditListing(func(l *Listing) {
		l.Entries = append(slices.Clone(l.Entries), l.Entries...)
	})
}

// Unsorted lists a page's entries backwards, as directory buckets may.
func Unsorted() Action { return EditListing(func(l *Listing) { slices.Reverse(l.Entries) }) }

// NotEncoded ignores encoding-type=url, as some servers do.
func NotEncoded() Action { return EditListing(func(l *Listing) { l.URLEncoded = false }) }

// ReplacedKeys puts U+FFFD in the place of every byte that XML cannot hold, as
// servers do that do not encode.
func ReplacedKeys() Action {
	return EditListing(func(l *Listing) {
		l.URLEncoded = false
		for i := range l.Entries {
			key := strings.ToValidUTF8(l.Entries[i].Object.Key, "\ufffd")
			l.Entries[i].Object.Key = strings.Map(func(r rune) rune {
				if r < ' ' {
					return '\ufffd'
				}
				return r
			}, key)
		}
	})
}

// HugePage adds n keys of 1,000 bytes below the prefix to a page.
func HugePage(n int) Action {
	return EditListing(func(l *Listing) {
		for i := range n {
			l.Entries = append(l.Entries, s3backend.Entry{Object: s3backend.Object{
				Key:     fmt.Sprintf("%s~%0999d", l.Prefix, i),
				ETag:    `"d41d8cd98f00b204e9800998ecf8427e"`,
				ModTime: time.Unix(0, 0).UTC(),
			}})
		}
	})
}

// BrokenXML cuts the document in its middle, with a length that agrees.
func BrokenXML() Action {
	return func(_ Request, r *Reply) {
		p := r.bytes()
		r.setBytes(p[:len(p)/2])
	}
}

// WrongDocument answers 200 with a document that is XML and no listing.
func WrongDocument() Action {
	return answer(func(Request) *Reply {
		return bytesReply(http.StatusOK, "application/xml", []byte(xmlHeader+"<html><body>hello</body></html>"))
	})
}

// TokenExpired is 400 InvalidArgument for requests with a continuation token.
func TokenExpired() Action {
	refuse := Fail(http.StatusBadRequest, "InvalidArgument")
	return func(req Request, r *Reply) {
		if req.Query.Has("continuation-token") {
			refuse(req, r)
		}
	}
}
