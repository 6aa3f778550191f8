package s3test

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/zs3fs/zs3fs/s3backend"
)

// versioning answers GetBucketVersioning.
func (s *Server) versioning() *Reply {
	s.mem.mu.RLock()
	defer s.mem.mu.RUnlock()
	var b strings.Builder
	b.WriteString(xmlHeader + `<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)
	switch {
	case s.mem.versioning:
		element(&b, "Status", "Enabled")
	case s.mem.versioned:
		element(&b, "Status", "Suspended")
	}
	b.WriteString("</VersioningConfiguration>")
	return bytesReply(http.StatusOK, "application/xml", []byte(b.String()))
}

// versions answers ListObjectVersions, without a delimiter.
func (s *Server) versions(req Request) *Reply {
	q := req.Query
	refuse := func(message, name string) *Reply {
		return errorReply(http.StatusBadRequest, "InvalidArgument", message, "ArgumentName", name, "ArgumentValue", q.Get(name))
	}
	size := s.cfg.PageSize
	if q.Has("max-keys") {
		n, err := strconv.ParseInt(q.Get("max-keys"), 10, 32)
		if err != nil || n < 1 {
			return refuse("Argument max-keys must be an integer between 0 and 2147483647", "max-keys")
		}
		size = min(int(n), size)
	}
	from := s3backend.VersionMark{Key: q.Get("key-marker"), ID: q.Get("version-id-marker")}
	switch {
	case q.Get("delimiter") != "":
		return errorReply(http.StatusNotImplemented, "NotImplemented", "This server lists versions without a delimiter")
	case from.ID != "" && from.Key == "":
		return refuse("A version-id marker cannot be specified without a key marker.", "version-id-marker")
	}
	name := func(s string) string { return s }
	if q.Get("encoding-type") == "url" {
		name = encodeName
	}
	p := s.mem.versionsPage(q.Get("prefix"), from, size)
	return bytesReply(http.StatusOK, "application/xml", versionsXML(s.cfg.Bucket, q.Get("prefix"), from, size, p, name, s.mem.isLatest))
}

func versionsXML(bucket, prefix string, from s3backend.VersionMark, size int, p s3backend.VersionPage,
	name func(string) string, latest func(key, id string) bool,
) []byte {
	var b strings.Builder
	b.WriteString(xmlHeader + `<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)
	element(&b, "Name", bucket)
	element(&b, "Prefix", name(prefix))
	element(&b, "KeyMarker", name(from.Key))
	element(&b, "VersionIdMarker", from.ID)
	if p.More {
		element(&b, "NextKeyMarker", name(p.Next.Key))
		element(&b, "NextVersionIdMarker", p.Next.ID)
	}
	element(&b, "MaxKeys", strconv.Itoa(size))
	if name("\n") != "\n" {
		element(&b, "EncodingType", "url")
	}
	element(&b, "IsTruncated", strconv.FormatBool(p.More))
	for _, v := range p.Versions {
		versionEntry(&b, v, name, latest(v.Object.Key, v.Object.VersionID))
	}
	b.WriteString("</ListVersionsResult>")
	return []byte(b.String())
}

func versionEntry(b *strings.Builder, v s3backend.Version, name func(string) string, latest bool) {
	tag, o := "Version", v.Object
	if v.Deleted {
		tag = "DeleteMarker"
	}
	b.WriteString("<" + tag + ">")
	element(b, "Key", name(o.Key))
	element(b, "VersionId", o.VersionID)
	element(b, "IsLatest", strconv.FormatBool(latest))
	element(b, "LastModified", o.ModTime.Format("2006-01-02T15:04:05.000Z"))
	if !v.Deleted {
		element(b, "ETag", o.ETag)
		element(b, "Size", strconv.FormatInt(o.Size, 10))
		element(b, "StorageClass", orStandard(o.StorageClass))
	}
	b.WriteString("</" + tag + ">")
}

func orStandard(class string) string {
	if class == "" {
		return "STANDARD"
	}
	return class
}
