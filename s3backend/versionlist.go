package s3backend

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Versioning implements VersionLister.
func (c *Client) Versioning(ctx context.Context) (kept bool, err error) {
	err = c.call(ctx, "versioning", "", func(ctx context.Context) error {
		out, err := c.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &c.o.Bucket}, c.inRegion)
		if err != nil {
			return err
		}
		kept = out.Status != ""
		return nil
	})
	return kept, err
}

// Versions implements VersionLister.
func (c *Client) Versions(ctx context.Context, prefix string, from VersionMark, limit int) (VersionPage, error) {
	return c.versions(ctx, prefix, from, limit, c.call)
}

// versions is Versions by call or callAside.
func (c *Client) versions(ctx context.Context, prefix string, from VersionMark, limit int,
	call func(context.Context, string, string, func(context.Context) error) error,
) (page VersionPage, err error) {
	if limit < 1 || limit > maxKeys {
		return VersionPage{}, opError("versions", prefix, fs.ErrInvalid)
	}
	size := int32(limit)
	in := &s3.ListObjectVersionsInput{
		Bucket:       &c.o.Bucket,
		Prefix:       &prefix,
		EncodingType: types.EncodingTypeUrl,
		MaxKeys:      &size,
		RequestPayer: c.payer,
	}
	if from.Key != "" {
		in.KeyMarker = &from.Key
		if from.ID != "" {
			in.VersionIdMarker = &from.ID
		}
	}
	err = call(ctx, "versions", prefix, func(ctx context.Context) error {
		var text bytes.Buffer
		if _, err := c.s3.ListObjectVersions(ctx, in, c.inRegion, copyAnswer(&text)); err != nil {
			return err
		}
		page, err = readVersions(text.Bytes(), prefix, from)
		return err
	})
	return page, err
}

// copyAnswer keeps what the SDK reads of an answer. It sorts versions and delete
// markers apart, and which of two within one second came first only the order in
// the document tells.
func copyAnswer(text *bytes.Buffer) func(*s3.Options) {
	return func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("zs3fsCopyAnswer",
				func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
					middleware.DeserializeOutput, middleware.Metadata, error,
				) {
					out, meta, err := next.HandleDeserialize(ctx, in)
					if resp, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil {
						resp.Body = struct {
							io.Reader
							io.Closer
						}{io.TeeReader(resp.Body, text), resp.Body}
					}
					return out, meta, err
				}), middleware.After)
		})
	}
}

// versionsXML is a page as it is written: versions and delete markers in one order.
type versionsXML struct {
	Prefix                             *string
	EncodingType                       string
	IsTruncated                        *bool
	NextKeyMarker, NextVersionIdMarker string
	Entries                            []versionXML `xml:",any"`
}

type versionXML struct {
	XMLName      xml.Name
	Key          string
	VersionId    string
	IsLatest     bool
	LastModified time.Time
	ETag         string
	Size         *int64
	StorageClass string
}

// readVersions checks and decodes one page, all or nothing.
func readVersions(text []byte, prefix string, from VersionMark) (VersionPage, error) {
	var doc versionsXML
	if err := xml.Unmarshal(text, &doc); err != nil || doc.IsTruncated == nil {
		return VersionPage{}, wrongAnswer("not a page of versions")
	}
	decode := func(s string) (string, error) { return s, nil }
	if doc.EncodingType == string(types.EncodingTypeUrl) {
		decode = url.QueryUnescape
	}
	if p := doc.Prefix; p != nil && *p != prefix {
		if echoed, err := decode(*p); err != nil || echoed != prefix {
			return VersionPage{}, wrongAnswer("a page of another prefix")
		}
	}
	all, err := doc.versions(decode)
	if err != nil {
		return VersionPage{}, err
	}
	page := VersionPage{More: *doc.IsTruncated}
	last := from.Key
	for _, v := range all {
		switch {
		case !strings.HasPrefix(v.Object.Key, prefix):
			return VersionPage{}, wrongAnswer("a key of another prefix")
		case v.Object.Key < from.Key:
			// What is not sorted cannot be told from what is missing.
			return VersionPage{}, wrongAnswer("versions are out of order")
		case v.Object.Key == from.Key && (from.ID == "" || from.ID == v.Object.VersionID):
			continue // S3's documents and some servers begin at the mark, S3 after it
		}
		last = v.Object.Key
		page.Versions = append(page.Versions, v.Version)
	}
	if !page.More {
		return page, nil
	}
	key, err := decode(doc.NextKeyMarker)
	page.Next = VersionMark{key, doc.NextVersionIdMarker}
	if err != nil || key < last || page.Next == from {
		return VersionPage{}, wrongAnswer("a truncated page without a usable marker")
	}
	return page, nil
}

// dated is a Version with what orders it among those of its key.
type dated struct {
	Version
	latest bool
	at     time.Time
}

// versions decodes and sorts. That does nothing to a page of S3's own; others write
// delete markers and versions apart, and a key's order is in its times only.
func (doc versionsXML) versions(decode func(string) (string, error)) ([]dated, error) {
	all := make([]dated, 0, len(doc.Entries))
	for _, x := range doc.Entries {
		if x.XMLName.Local != "Version" && x.XMLName.Local != "DeleteMarker" {
			continue
		}
		v, err := x.version(decode)
		if err != nil {
			return nil, err
		}
		all = append(all, dated{v, x.IsLatest, x.LastModified})
	}
	slices.SortStableFunc(all, func(a, b dated) int {
		switch c := strings.Compare(a.Object.Key, b.Object.Key); {
		case c != 0:
			return c
		case a.latest != b.latest && a.latest:
			return -1
		case a.latest != b.latest:
			return 1
		}
		return b.at.Compare(a.at)
	})
	return all, nil
}

func (x versionXML) version(decode func(string) (string, error)) (Version, error) {
	key, err := decode(x.Key)
	v := Version{Object: Object{Key: key, VersionID: x.VersionId, ModTime: seconds(&x.LastModified)}}
	switch {
	case err != nil || key == "":
		return Version{}, wrongAnswer("a key that cannot be decoded")
	case x.VersionId == "":
		return Version{}, wrongAnswer("a version without an id")
	case x.XMLName.Local == "DeleteMarker":
		v.Deleted = true
		return v, nil
	case x.Size == nil || *x.Size < 0 || *x.Size > maxSize:
		return Version{}, wrongAnswer("a version without a right size")
	}
	v.Object.ETag, v.Object.Size, v.Object.StorageClass = x.ETag, *x.Size, x.StorageClass
	return v, nil
}
