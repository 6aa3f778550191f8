package s3backend

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// parsePage decodes a page of a listing that is written as S3 and most servers do: one
// encoding, no attributes, printable ASCII, since keys are escaped. Of any other
// document it says false and no more: encoding/xml is to judge it. That one takes
// seven times the processor time for a page, and makes nine times as many objects.
func parsePage(doc []byte) (*s3.ListObjectsV2Output, bool) {
	p := pageXML{left: bytes.TrimPrefix(doc, []byte(`<?xml version="1.0" encoding="UTF-8"?>`))}
	out := new(s3.ListObjectsV2Output)
	ok := p.root() && p.elements("ListBucketResult", 0, func(name []byte) (ok bool) {
		switch string(name) {
		case "Contents":
			if out.Contents == nil {
				out.Contents = make([]types.Object, 0, min(maxKeys, len(p.left)/leastObject+1))
			}
			var o types.Object
			o, ok = p.object()
			out.Contents = append(out.Contents, o)
		case "CommonPrefixes":
			var c types.CommonPrefix
			ok = p.elements("CommonPrefixes", 1, func(name []byte) bool {
				if string(name) == "Prefix" {
					return p.text("Prefix", &c.Prefix)
				}
				return p.skip(name, 2)
			})
			out.CommonPrefixes = append(out.CommonPrefixes, c)
		case "Prefix":
			ok = p.text("Prefix", &out.Prefix)
		case "NextContinuationToken":
			ok = p.text("NextContinuationToken", &out.NextContinuationToken)
		case "EncodingType":
			var s *string
			if ok = p.text("EncodingType", &s); ok {
				out.EncodingType = types.EncodingType(*s)
			}
		case "IsTruncated":
			var s *string
			if ok = p.text("IsTruncated", &s) && (*s == "true" || *s == "false"); ok {
				truncated := *s == "true"
				out.IsTruncated = &truncated
			}
		default:
			ok = p.skip(name, 1)
		}
		return ok
	})
	return out, ok && len(bytes.TrimSpace(p.left)) == 0
}

// leastObject is how long Contents is at least, with a key and a size.
const leastObject = 60

// pageXML is a document and how far it has been read.
type pageXML struct {
	left []byte
	// empty: the element that was begun has ended in its own tag.
	empty bool
}

// root goes into the outermost element, which may have a namespace.
func (p *pageXML) root() bool {
	p.left = bytes.TrimLeft(p.left, " \n")
	end := bytes.IndexByte(p.left, '>')
	if end < 0 {
		return false
	}
	tag := string(p.left[:end])
	p.left = p.left[end+1:]
	return tag == "<ListBucketResult" || tag == `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`
}

// maxDepth bounds the elements inside of one another; S3's are three deep.
const maxDepth = 8

// elements calls child for each element up to the end of the one called name: it
// must read it to its own end.
func (p *pageXML) elements(name string, depth int, child func(name []byte) bool) bool {
	if p.empty || depth > maxDepth {
		return p.emptied()
	}
	for {
		p.left = bytes.TrimLeft(p.left, " \n")
		end := bytes.IndexByte(p.left, '>')
		if end < 2 || p.left[0] != '<' {
			return false
		}
		tag := p.left[1:end]
		p.left = p.left[end+1:]
		if tag[0] == '/' {
			return string(tag[1:]) == name
		}
		tag, p.empty = bytes.CutSuffix(tag, []byte("/"))
		if !isPlainName(tag) || !child(tag) {
			return false
		}
	}
}

// emptied reports whether the element that was begun has ended in its own tag.
func (p *pageXML) emptied() bool {
	was := p.empty
	p.empty = false
	return was
}

func isPlainName(tag []byte) bool {
	for _, c := range tag {
		if c < 'A' || c > 'z' || c > 'Z' && c < 'a' {
			return false
		}
	}
	return true
}

// object reads Contents.
func (p *pageXML) object() (o types.Object, ok bool) {
	ok = p.elements("Contents", 1, func(name []byte) (ok bool) {
		var s *string
		switch string(name) {
		case "Key":
			return p.text("Key", &o.Key)
		case "ETag":
			return p.text("ETag", &o.ETag)
		case "StorageClass":
			text, ok := p.raw("StorageClass")
			o.StorageClass = storageClassOf(text)
			return ok && bytes.IndexByte(text, '&') < 0
		case "Size":
			text, ok := p.raw("Size")
			size, err := strconv.ParseInt(string(text), 10, 64)
			o.Size = &size
			return ok && err == nil
		case "LastModified":
			if ok = p.text("LastModified", &s); !ok || !strings.HasSuffix(*s, "Z") {
				return false
			}
			t, err := time.Parse(time.RFC3339, *s)
			o.LastModified = &t
			return err == nil
		}
		return p.skip(name, 2)
	})
	return o, ok
}

// storageClassOf makes no string of the usual one.
func storageClassOf(text []byte) types.ObjectStorageClass {
	if string(text) == string(types.ObjectStorageClassStandard) {
		return types.ObjectStorageClassStandard
	}
	return types.ObjectStorageClass(text)
}

// known are the elements that are asked for; the SDK takes them in any case.
var known = [...]string{"Contents", "CommonPrefixes", "Prefix", "NextContinuationToken", "EncodingType", "IsTruncated", "Key", "ETag", "StorageClass", "Size", "LastModified"}

// skip reads to the end of an element that nobody asks for.
func (p *pageXML) skip(name []byte, depth int) bool {
	for _, k := range known {
		if len(k) == len(name) && strings.EqualFold(k, string(name)) && depth <= 2 {
			return false
		}
	}
	if text, ok := p.raw(string(name)); ok {
		return bytes.IndexByte(text, '&') < 0
	}
	return p.elements(string(name), depth, func(name []byte) bool { return p.skip(name, depth+1) })
}

// raw reads the text of an element to its end; false, with nothing read, if it is not
// plain text.
func (p *pageXML) raw(name string) (text []byte, ok bool) {
	if p.emptied() {
		return nil, true
	}
	end := bytes.IndexByte(p.left, '<')
	if end < 0 {
		return nil, false
	}
	text, rest := p.left[:end:end], p.left[end:]
	if len(rest) < len(name)+3 || rest[1] != '/' || string(rest[2:2+len(name)]) != name || rest[2+len(name)] != '>' {
		return nil, false
	}
	for _, c := range text {
		if c < ' ' || c > '~' || c == '>' {
			return nil, false
		}
	}
	p.left = rest[len(name)+3:]
	return text, true
}

// text is raw as a string of its own: a page must not be kept for a name of it.
func (p *pageXML) text(name string, to **string) bool {
	text, ok := p.raw(name)
	if !ok {
		return false
	}
	var buf [128]byte
	plain := buf[:0]
	for {
		i := bytes.IndexByte(text, '&')
		if i < 0 {
			break
		}
		c, n := entity(text[i:])
		if n == 0 {
			return false
		}
		plain = append(append(plain, text[:i]...), c)
		text = text[i+n:]
	}
	s := string(append(plain, text...))
	*to = &s
	return true
}

// entity returns the character that text begins with the name of, and the name's
// length; 0 if it is none of S3's.
func entity(text []byte) (c byte, n int) {
	for _, e := range [...]struct {
		name string
		c    byte
	}{{"&quot;", '"'}, {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&apos;", '\''}, {"&#34;", '"'}, {"&#39;", '\''}} {
		if bytes.HasPrefix(text, []byte(e.name)) {
			return e.c, len(e.name)
		}
	}
	return 0, 0
}
