package s3backend

import (
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// listing is what must hold from page to page: no name twice, no token twice.
type listing struct {
	Span
	// seen is nil where names may come twice. It is by name and not by comparing with the last one: directory buckets
	// and some servers list without order. The strings are the entries' own.
	seen   map[string]struct{}
	tokens map[string]struct{}
}

// read checks and decodes one page, all or nothing.
func (l *listing) read(out *s3.ListObjectsV2Output) ([]Entry, string, error) {
	// An error document sent with status 200 decodes to an empty page: of what a
	// page must have, nothing is there.
	if out.IsTruncated == nil {
		return nil, "", wrongAnswer("not a page of a listing")
	}
	decode := func(s string) (string, error) { return s, nil }
	if out.EncodingType == types.EncodingTypeUrl {
		decode = url.QueryUnescape // form rules: "+" is a space
	}
	if err := l.checkPrefix(out, decode); err != nil {
		return nil, "", err
	}
	next, err := l.checkNext(out)
	if err != nil {
		return nil, "", err
	}
	objects, err := l.objects(out, decode)
	if err != nil {
		return nil, "", err
	}
	dirs, err := l.dirs(out, decode)
	if err != nil {
		return nil, "", err
	}
	// Only now that nothing can fail: a page asked for again must be new.
	entries := l.fresh(merge(objects, dirs))
	if next != "" {
		l.tokens[next] = struct{}{}
	}
	return entries, next, nil
}

// checkPrefix finds the page of another listing, as a cache that leaves out the
// query would give. Servers echo the prefix encoded or not.
func (l *listing) checkPrefix(out *s3.ListObjectsV2Output, decode func(string) (string, error)) error {
	if out.Prefix == nil || *out.Prefix == l.Prefix {
		return nil
	}
	if p, err := decode(*out.Prefix); err != nil || p != l.Prefix {
		return wrongAnswer("a page of another prefix")
	}
	return nil
}

// checkNext returns the next page's token, and refuses a truncated page without
// one (the rest would be lost) and a token met before (it would go on for ever).
func (l *listing) checkNext(out *s3.ListObjectsV2Output) (string, error) {
	if !*out.IsTruncated {
		return "", nil
	}
	next := aws.ToString(out.NextContinuationToken)
	if next == "" {
		return "", wrongAnswer("a truncated page without a token")
	}
	if _, ok := l.tokens[next]; ok {
		return "", wrongAnswer("a continuation token came twice")
	}
	return next, nil
}

func (l *listing) objects(out *s3.ListObjectsV2Output, decode func(string) (string, error)) ([]Entry, error) {
	entries := make([]Entry, 0, len(out.Contents))
	for _, o := range out.Contents {
		key, err := decode(aws.ToString(o.Key))
		rest, below := strings.CutPrefix(key, l.Prefix)
		switch {
		case err != nil || key == "":
			return nil, wrongAnswer("a key that cannot be decoded")
		case !below || !l.Deep && strings.Contains(rest, "/"):
			return nil, wrongAnswer("a key outside the level asked for")
		case o.Size == nil || *o.Size < 0 || *o.Size > maxSize:
			return nil, wrongAnswer("a key without a right size")
		}
		entries = append(entries, Entry{Object: Object{
			Key:          key,
			ETag:         aws.ToString(o.ETag),
			Size:         *o.Size,
			ModTime:      seconds(o.LastModified),
			StorageClass: string(o.StorageClass),
		}})
	}
	return entries, nil
}

func (l *listing) dirs(out *s3.ListObjectsV2Output, decode func(string) (string, error)) ([]Entry, error) {
	entries := make([]Entry, 0, len(out.CommonPrefixes))
	for _, p := range out.CommonPrefixes {
		name, err := decode(aws.ToString(p.Prefix))
		if err != nil {
			return nil, wrongAnswer("a common prefix that cannot be decoded")
		}
		rest, below := strings.CutPrefix(name, l.Prefix)
		if l.Deep || !below || rest == "" || strings.Index(rest, "/") != len(rest)-1 {
			return nil, wrongAnswer("a common prefix outside the level asked for")
		}
		entries = append(entries, Entry{Object: Object{Key: name}, Dir: true})
	}
	return entries, nil
}

// merge restores the order of the bucket, of which a page gives two extracts.
func merge(objects, dirs []Entry) []Entry {
	if len(dirs) == 0 {
		return objects
	}
	all := make([]Entry, 0, len(objects)+len(dirs))
	for len(objects) > 0 && len(dirs) > 0 {
		from := &objects
		if dirs[0].Object.Key < objects[0].Object.Key {
			from = &dirs
		}
		all = append(all, (*from)[0])
		*from = (*from)[1:]
	}
	return append(append(all, objects...), dirs...)
}

// beyond removes in place what is not after l.After, as of servers that do not know
// start-after, or list without order.
func (l *listing) beyond(entries []Entry) []Entry {
	return slices.DeleteFunc(entries, func(e Entry) bool { return e.Object.Key <= l.After })
}

// fresh removes in place what was given already. An object's key and a common
// prefix differ always: only the listed prefix itself may end in "/" as a key.
func (l *listing) fresh(entries []Entry) []Entry {
	if l.seen == nil {
		return entries
	}
	kept := entries[:0]
	for _, e := range entries {
		if _, ok := l.seen[e.Object.Key]; ok {
			continue
		}
		l.seen[e.Object.Key] = struct{}{}
		kept = append(kept, e)
	}
	return kept
}
