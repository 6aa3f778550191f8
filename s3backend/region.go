package s3backend

import (
	"context"
	"errors"
	"net/http"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// defaultRegion knows where every bucket of S3 lies, and is what other servers
// call themselves.
const defaultRegion = "us-east-1"

// regionHeader names a bucket's region in S3's answers.
const regionHeader = "X-Amz-Bucket-Region"

// discoverRegion asks S3 where the bucket lies. The header is in every answer,
// also in a 301, 400 or 403, so the question needs no credentials and no
// permission. A failure leaves the default: the first answer to a real request
// corrects it.
func (c *Client) discoverRegion(ctx context.Context) {
	c.requests.owe()
	ctx, cancel := context.WithTimeout(ctx, c.o.ConnectTimeout+c.o.HeaderTimeout)
	defer cancel()
	out, err := c.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &c.o.Bucket}, func(o *s3.Options) {
		o.Region = defaultRegion
		o.Credentials = nil // unsigned
	})
	var header http.Header
	var resp *smithyhttp.ResponseError
	if err == nil {
		if raw, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response); ok {
			header = raw.Header
		}
	} else if errors.As(err, &resp) && resp.Response != nil {
		header = resp.Response.Header
	}
	if region := header.Get(regionHeader); region != "" {
		c.move(region)
	}
}

// move takes region from an answer. A region that was configured stays: the user
// is told instead, because the endpoint may be one of that region.
func (c *Client) move(region string) {
	if c.regionFixed || printable(region) != region || *c.region.Load() == region {
		return
	}
	c.region.Store(&region)
	c.log.Info("bucket region", "bucket", c.o.Bucket, "region", region)
}

// inRegion is a per-call option: the region may have been learnt after the SDK
// client was made.
func (c *Client) inRegion(o *s3.Options) { o.Region = *c.region.Load() }
