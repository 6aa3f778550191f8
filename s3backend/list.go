package s3backend

import (
	"context"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// maxKeys is the largest page that S3 gives.
const maxKeys = 1000

// List implements Bucket.
func (c *Client) List(ctx context.Context, prefix string, limit int) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		l := listing{Span: Span{Prefix: prefix}, seen: make(map[string]struct{}), tokens: make(map[string]struct{})}
		left := limit
		for token := ""; ; {
			entries, next, err := c.page(ctx, &l, token, left)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
			if next == "" {
				return
			}
			token = next
		}
	}
}

// page asks for the page that follows token, and returns its new entries and
// the token of the next one, which is empty after the last.
func (c *Client) page(ctx context.Context, l *listing, token string, limit int) (entries []Entry, next string, err error) {
	in := c.question(l, token, limit)
	err = c.call(ctx, "list", l.Prefix, func(ctx context.Context) (err error) {
		entries, next, err = c.askPage(ctx, l, in)
		return err
	})
	return entries, next, err
}

// question is for a page of up to limit entries, as many as the server gives at 0.
func (c *Client) question(l *listing, token string, limit int) *s3.ListObjectsV2Input {
	size := int32(maxKeys)
	if limit > 0 && limit < maxKeys {
		size = int32(limit)
	}
	in := &s3.ListObjectsV2Input{
		Bucket:       &c.o.Bucket,
		Prefix:       &l.Prefix,
		EncodingType: types.EncodingTypeUrl, // XML cannot carry control characters
		MaxKeys:      &size,
		RequestPayer: c.payer,
	}
	if !l.Deep {
		in.Delimiter = aws.String("/")
	}
	switch {
	case token != "":
		in.ContinuationToken = &token
	case l.After != "":
		in.StartAfter = &l.After
	}
	return in
}

// askPage is one attempt.
func (c *Client) askPage(ctx context.Context, l *listing, in *s3.ListObjectsV2Input) ([]Entry, string, error) {
	var parsed *s3.ListObjectsV2Output
	out, err := c.s3.ListObjectsV2(ctx, in, c.inRegion, c.parsePages(&parsed))
	if err != nil {
		return nil, "", err
	}
	if parsed != nil {
		out = parsed
	}
	c.quirks.look(c.log, in, out)
	entries, next, err := l.read(out)
	if n := len(entries); err == nil && l.After != "" {
		entries = l.beyond(entries)
		c.quirks.lookAfter(c.log, n-len(entries))
	}
	return entries, next, err
}
