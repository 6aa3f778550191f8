package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// namesPage is S3's largest.
const namesPage = 1000

// serve has the server answer listings and HEADs from the names instead of from its
// own bucket, which is empty.
func (n *names) serve(srv *s3test.Server) {
	srv.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpList}, Do: n.list})
	srv.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpHead}, Do: n.head})
}

func (n *names) head(req s3test.Request, reply *s3test.Reply) {
	i := n.search(req.Key)
	if i == n.len() || n.key(i) != req.Key {
		return // 404
	}
	h := uint64(i+1) * 0x9e3779b97f4a7c15
	*reply = s3test.Reply{Status: http.StatusOK, Length: size(h), Header: http.Header{
		"Etag": {fmt.Sprintf("\"%016x%016x\"", h, ^h)}, "Last-Modified": {n.modified(h).Format(http.TimeFormat)},
		"Content-Type": {"binary/octet-stream"}, "Accept-Ranges": {"bytes"},
	}}
}

// list answers ListObjectsV2. Continuation tokens are the number of the next key.
func (n *names) list(req s3test.Request, reply *s3test.Reply) {
	q := req.Query
	most := namesPage
	if asked, err := strconv.Atoi(q.Get("max-keys")); err == nil {
		most = min(most, asked)
	}
	prefix := q.Get("prefix")
	from := n.search(max(prefix, q.Get("start-after")))
	if from < n.len() && n.key(from) == q.Get("start-after") {
		from++
	}
	if next, err := strconv.Atoi(q.Get("continuation-token")); err == nil {
		from = min(max(next, 0), n.len())
	}
	p := n.page(prefix, q.Get("delimiter"), from, most)
	body := p.xml(q)
	*reply = s3test.Reply{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/xml"}},
		Body: s3test.Bytes(body), Length: int64(len(body))}
}

// namesAnswer is a page of a listing.
type namesAnswer struct {
	contents []byte
	prefixes []string
	count    int
	next     int // the first key that is left, 0 for none
}

func (n *names) page(prefix, delimiter string, from, most int) namesAnswer {
	var p namesAnswer
	for i := from; i < n.len() && most > 0; {
		key := n.key(i)
		if !strings.HasPrefix(key, prefix) {
			break
		}
		if p.count == most {
			p.next = i
			break
		}
		p.count++
		if end := strings.Index(key[len(prefix):], delimiter); delimiter != "" && end >= 0 {
			group := key[:len(prefix)+end+len(delimiter)]
			p.prefixes = append(p.prefixes, group)
			i = n.after(i, group)
			continue
		}
		p.contents = append(p.contents, n.record(i)...)
		i++
	}
	return p
}

// xml writes the page down. The names need neither kind of escapes, what was asked for may.
func (p namesAnswer) xml(q url.Values) []byte {
	var b bytes.Buffer
	b.Grow(len(p.contents) + 100*len(p.prefixes) + 1<<10)
	element := func(name, text string) {
		fmt.Fprintf(&b, "<%s>", name)
		_ = xml.EscapeText(&b, []byte(text)) // a Buffer's writes do not fail
		fmt.Fprintf(&b, "</%s>", name)
	}
	escaped := func(s string) string { return s }
	b.WriteString(xml.Header + `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)
	element("Name", bucketName)
	if q.Get("encoding-type") == "url" {
		escaped = func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/") }
		element("EncodingType", "url")
	}
	element("Prefix", escaped(q.Get("prefix")))
	for _, echo := range [][2]string{{"StartAfter", "start-after"}, {"Delimiter", "delimiter"}, {"ContinuationToken", "continuation-token"}} {
		if text := q.Get(echo[1]); text != "" {
			element(echo[0], escaped(text))
		}
	}
	element("KeyCount", strconv.Itoa(p.count))
	element("MaxKeys", strconv.Itoa(namesPage))
	element("IsTruncated", strconv.FormatBool(p.next > 0))
	if p.next > 0 {
		element("NextContinuationToken", strconv.Itoa(p.next))
	}
	b.Write(p.contents)
	for _, group := range p.prefixes {
		b.WriteString("<CommonPrefixes>")
		element("Prefix", group)
		b.WriteString("</CommonPrefixes>")
	}
	b.WriteString("</ListBucketResult>")
	return b.Bytes()
}
