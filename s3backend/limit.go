package s3backend

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"net/http"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	// A page of 1,000 keys of 1,024 bytes, each byte escaped as three, is 4 MB.
	maxPage = 8 << 20
	// An error document is a few hundred bytes.
	maxErrorDocument = 64 << 10
)

var errTooLarge = wrongAnswer("larger than any right answer")

// limitStep is the name of the step that limitAnswers adds.
const limitStep = "zs3fsLimitAnswers"

// limitAnswers bounds what the SDK reads into memory of an answer: pages and
// error documents. The body of an object passes: it is checked and counted as it
// streams.
func limitAnswers(stack *middleware.Stack) error {
	// After the SDK's own steps, that is, next to the wire.
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc(limitStep,
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
			middleware.DeserializeOutput, middleware.Metadata, error,
		) {
			out, meta, err := next.HandleDeserialize(ctx, in)
			if resp, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil {
				err = limitAnswer(resp, middleware.GetOperationName(ctx))
			}
			return out, meta, err
		}), middleware.After)
}

func limitAnswer(resp *smithyhttp.Response, operation string) error {
	switch {
	case resp.StatusCode < 200 || resp.StatusCode >= 300:
		resp.Body = &limitedBody{ReadCloser: resp.Body, left: maxErrorDocument}
		noteRegion(resp)
	case operation == "GetObject", operation == "HeadObject":
	case resp.ContentLength > maxPage:
		resp.Body.Close()
		return errTooLarge
	default:
		resp.Body = &limitedBody{ReadCloser: resp.Body, left: maxPage}
	}
	return nil
}

// noteRegion copies the region that an error document names into the header in
// which other answers have it; the SDK drops it.
func noteRegion(resp *smithyhttp.Response) {
	if resp.StatusCode != http.StatusBadRequest && resp.StatusCode/100 != 3 {
		return
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(text), failing{err}), resp.Body}
	var doc struct{ Region string }
	if xml.Unmarshal(text, &doc) == nil && doc.Region != "" && resp.Header.Get(regionHeader) == "" {
		resp.Header.Set(regionHeader, doc.Region)
	}
}

// failing gives the error with which the reading before it ended.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

// limitedBody fails, unlike io.LimitedReader, when there is more than left: a
// cut page must not look like a whole one.
type limitedBody struct {
	io.ReadCloser
	left int
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if n > b.left {
		return b.left, errTooLarge
	}
	b.left -= n
	return n, err
}
