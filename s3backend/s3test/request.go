package s3test

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Op is a kind of request.
type Op string

// The operations of S3 that the log and the faults distinguish.
const (
	OpHead       Op = "HeadObject"
	OpGet        Op = "GetObject"
	OpList       Op = "ListObjectsV2"
	OpHeadBucket Op = "HeadBucket"
	OpLocation   Op = "GetBucketLocation"
	OpVersions   Op = "ListObjectVersions"
	OpVersioning Op = "GetBucketVersioning"
	OpMutate     Op = "mutate" // any PUT, POST, DELETE, ...
	OpOther      Op = "other"
)

// Request is one request as the log keeps it. Header and Query are shared with
// the log and must not be changed.
type Request struct {
	Seq    int   // from 1, in the order of arrival
	Conn   int64 // the same for requests on one connection, from 1
	Time   time.Time
	Method string
	Op     Op
	Key    string // raw; of a listing, also one of versions, its prefix
	Header http.Header
	Query  url.Values

	VersionID string
	IfMatch   string
	// Ranged says that a range was asked for, and Off and Last are its first and
	// last byte as the header has them: Last is -1 for "to the end", Off is -1
	// for the last bytes, whose number is then in Last.
	Ranged    bool
	Off, Last int64

	// What was answered. Status is 0 until a header is sent.
	Status int
	// BodyOff is the offset in the object of the first byte of the body, Sent the
	// number of its bytes that were handed to the connection.
	BodyOff, Sent int64
	Faulty        bool // a fault of the script was applied
	Aborted       bool // the answer was not sent to its end
	Done          bool // the server has finished with it

	bucket string
}

// parse reads what S3 is asked from r.
func (s *Server) parse(r *http.Request) Request {
	req := Request{
		Conn: connOf(r.Context()).id, Time: time.Now(), Method: r.Method,
		Header: r.Header, Query: r.URL.Query(), IfMatch: r.Header.Get("If-Match"),
	}
	// The parts of a path are raw bytes: "//", "." and ".." are names like others.
	path := strings.TrimPrefix(r.URL.Path, "/")
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if b, _, ok := strings.Cut(host, "."); strings.HasPrefix(host, s.cfg.Bucket+".") {
		req.bucket, req.Key = s.cfg.Bucket, path
	} else if ok && net.ParseIP(host) == nil && b != "s3" {
		req.bucket, req.Key = b, path
	} else {
		req.bucket, req.Key, _ = strings.Cut(path, "/")
	}
	req.VersionID = req.Query.Get("versionId")
	req.Ranged, req.Off, req.Last = parseRange(r.Header.Get("Range"))
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		req.Op = OpMutate
	case req.Key != "" && r.Method == http.MethodHead:
		req.Op = OpHead
	case req.Key != "" && !subresource(req.Query):
		req.Op = OpGet
	case req.Key != "":
		req.Op = OpOther
	case r.Method == http.MethodHead:
		req.Op = OpHeadBucket
	case req.Query.Get("list-type") == "2":
		req.Op, req.Key = OpList, req.Query.Get("prefix")
	case req.Query.Has("versions"):
		req.Op, req.Key = OpVersions, req.Query.Get("prefix")
	case req.Query.Has("versioning"):
		req.Op = OpVersioning
	case req.Query.Has("location"):
		req.Op = OpLocation
	default:
		req.Op = OpOther
	}
	return req
}

// subresource says that the request is for something beside the object itself.
func subresource(q url.Values) bool {
	for _, name := range []string{"acl", "attributes", "tagging", "torrent", "retention", "legal-hold", "uploadId"} {
		if q.Has(name) {
			return true
		}
	}
	return false
}
