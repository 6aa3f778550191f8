package s3test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Listing is an answer to ListObjectsV2 before it is written down.
type Listing struct {
	Bucket, Prefix, Delimiter, StartAfter string
	MaxKeys                               int
	URLEncoded                            bool // encoding-type=url
	// Entries in S3's order, common prefixes among the objects. In the XML all
	// objects come before all prefixes.
	Entries   []s3backend.Entry
	Truncated bool
	Token     string // of the request; empty is none
	NextToken string // empty is none
}

// list answers ListObjectsV2.
func (s *Server) list(req Request) *Reply {
	q := req.Query
	l := &Listing{
		Bucket: s.cfg.Bucket, Prefix: q.Get("prefix"), Delimiter: q.Get("delimiter"),
		StartAfter: q.Get("start-after"), MaxKeys: maxPage, Token: q.Get("continuation-token"),
	}
	refuse := func(message, name string) *Reply {
		return errorReply(http.StatusBadRequest, "InvalidArgument", message, "ArgumentName", name, "ArgumentValue", q.Get(name))
	}
	if q.Has("max-keys") {
		n, err := strconv.ParseInt(q.Get("max-keys"), 10, 32)
		if err != nil || n < 0 {
			return refuse("Argument max-keys must be an integer between 0 and 2147483647", "max-keys")
		}
		l.MaxKeys = min(int(n), maxPage)
	}
	switch q.Get("encoding-type") {
	case "":
	case "url":
		l.URLEncoded = !s.cfg.Quirks.IgnoreEncoding
	default:
		return refuse("Invalid Encoding Method specified in Request", "encoding-type")
	}
	from := position{after: l.StartAfter}
	size, list := min(l.MaxKeys, s.cfg.PageSize), s.mem.page
	if s.cfg.Quirks.IgnoreMaxKeys && l.MaxKeys > 0 {
		size = s.cfg.PageSize
	}
	if s.cfg.Quirks.IgnoreStartAfter {
		from.after = ""
	}
	if s.cfg.Quirks.Unsorted {
		from, list = position{}, s.mem.unsortedPage
	}
	if q.Has("continuation-token") {
		var ok bool
		if from, ok = s.tokens.open(l.Token); !ok {
			return refuse("The continuation token provided is incorrect", "continuation-token")
		}
	}
	p := list(l.Prefix, l.Delimiter, from, size)
	l.Entries, l.Truncated = p.entries, p.truncated
	if p.truncated {
		l.NextToken = s.tokens.seal(p.next)
	}
	return &Reply{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/xml"}}, Listing: l}
}

// xml writes the listing as S3 does.
func (l *Listing) xml() []byte {
	var b strings.Builder
	name := func(s string) string {
		if l.URLEncoded {
			return encodeName(s)
		}
		return s
	}
	optional := func(tag, text string) {
		if text != "" {
			element(&b, tag, text)
		}
	}
	b.WriteString(xmlHeader + `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)
	element(&b, "Name", l.Bucket)
	element(&b, "Prefix", name(l.Prefix))
	optional("StartAfter", name(l.StartAfter))
	optional("ContinuationToken", l.Token)
	optional("NextContinuationToken", l.NextToken)
	element(&b, "KeyCount", strconv.Itoa(len(l.Entries)))
	element(&b, "MaxKeys", strconv.Itoa(l.MaxKeys))
	optional("Delimiter", name(l.Delimiter))
	if l.URLEncoded {
		element(&b, "EncodingType", "url")
	}
	element(&b, "IsTruncated", strconv.FormatBool(l.Truncated))
	for _, e := range l.Entries {
		if !e.Dir {
			contents(&b, e.Object, name)
		}
	}
	for _, e := range l.Entries {
		if e.Dir {
			b.WriteString("<CommonPrefixes>")
			element(&b, "Prefix", name(e.Object.Key))
			b.WriteString("</CommonPrefixes>")
		}
	}
	b.WriteString("</ListBucketResult>")
	return []byte(b.String())
}

func contents(b *strings.Builder, o s3backend.Object, name func(string) string) {
	b.WriteString("<Contents>")
	element(b, "Key", name(o.Key))
	element(b, "LastModified", o.ModTime.Format("2006-01-02T15:04:05.000Z"))
	element(b, "ETag", o.ETag)
	element(b, "Size", strconv.FormatInt(o.Size, 10))
	element(b, "StorageClass", orStandard(o.StorageClass))
	b.WriteString("</Contents>")
}

// encodeName is S3's encoding-type=url: that of HTML forms, but for the slash.
func encodeName(s string) string {
	return formNames.Replace(url.QueryEscape(s))
}

var formNames = strings.NewReplacer("%2F", "/", "%2A", "*", "~", "%7E")

// tokens makes continuation tokens: sealed, so that no client can rely on what
// is in them, and of no use at another server.
type tokens struct{ aead cipher.AEAD }

func newTokens() tokens {
	key := make([]byte, 16)
	rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // a key of 16 bytes is right
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the block size that GCM needs
	}
	return tokens{aead}
}

func (t tokens) seal(p position) string {
	return base64.StdEncoding.EncodeToString(t.aead.Seal(nil, nil, fmt.Appendf(nil, "%t %s", p.group, p.after), nil))
}

func (t tokens) open(token string) (position, bool) {
	sealed, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return position{}, false
	}
	plain, err := t.aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return position{}, false
	}
	group, after, _ := strings.Cut(string(plain), " ")
	return position{after, group == "true"}, true
}
