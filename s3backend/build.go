package s3backend

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
)

// build loads the SDK's configuration and makes the parts of c from it.
func (c *Client) build(ctx, life context.Context) error {
	loadOpts, err := c.o.loadOptions()
	if err != nil {
		return err
	}
	load := func(ctx context.Context) (aws.Config, error) {
		return loadConfig(ctx, loadOpts)
	}
	cfg, err := load(ctx)
	if err != nil {
		return err
	}
	var provider aws.CredentialsProvider = aws.AnonymousCredentials{}
	if !c.o.NoSignRequest {
		c.creds = newRefresher(&chain{
			load: func(ctx context.Context) (aws.CredentialsProvider, error) {
				cfg, err := load(ctx)
				return cfg.Credentials, err
			},
			timeout: c.o.RequestTimeout,
			life:    life,
			first:   cfg.Credentials,
		})
		provider = c.creds
	}
	c.transport = newTransport(c.o, newDialer(life, c.o), rootsOf(cfg))

	var endpoint string
	var endpointErr error
	c.s3 = s3.NewFromConfig(cfg, func(o *s3.Options) {
		endpoint, endpointErr = c.o.sdkOptions(o)
		o.Credentials = provider
		o.HTTPClient = &http.Client{Transport: c.transport, CheckRedirect: c.refuseRedirect}
		o.APIOptions = append(o.APIOptions, limitAnswers, leaveEncodingUnsigned)
	})
	if endpointErr != nil {
		return endpointErr
	}
	c.custom = endpoint
	if err := c.checkSSEEndpoint(); err != nil {
		return err
	}
	region, discover := c.firstRegion(cfg.Region)
	c.region.Store(&region)
	if err := c.checkAddress(ctx); err != nil {
		return err
	}
	if discover && !c.o.Lazy {
		c.discoverRegion(ctx)
	}
	return nil
}

// checkAddress has the SDK make the address of a request, which refuses
// impossible combinations of bucket, region and kinds of endpoint.
func (c *Client) checkAddress(ctx context.Context) error {
	o := c.s3.Options()
	_, err := o.EndpointResolverV2.ResolveEndpoint(ctx, s3.EndpointParameters{
		Bucket:         &c.o.Bucket,
		Region:         c.region.Load(),
		Endpoint:       o.BaseEndpoint,
		ForcePathStyle: &o.UsePathStyle,
		Accelerate:     &o.UseAccelerate,
		UseArnRegion:   &o.UseARNRegion,
		UseFIPS:        aws.Bool(o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack:   aws.Bool(o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
	}.WithDefaults())
	if err != nil {
		return invalid("no address for bucket %q in region %q: %v", c.o.Bucket, *c.region.Load(), err)
	}
	return nil
}

// sdkOptions sets the S3 client's options and returns the custom endpoint that
// the SDK found, in the flag, the environment or the profile.
func (o Options) sdkOptions(to *s3.Options) (endpoint string, err error) {
	if o.EndpointURL != "" {
		to.BaseEndpoint = &o.EndpointURL
	}
	if o.Accelerate {
		to.BaseEndpoint = nil
	}
	to.UsePathStyle = o.ForcePathStyle
	if endpoint = aws.ToString(to.BaseEndpoint); endpoint != "" {
		var u *url.URL
		if u, err = checkEndpoint(endpoint); err == nil {
			to.UsePathStyle = to.UsePathStyle || pathStyle(u.Hostname())
			// One spelling: it names the cache.
			endpoint = u.Scheme + "://" + strings.ToLower(u.Host) + strings.TrimRight(u.Path, "/")
		}
	}
	to.UseAccelerate = o.Accelerate
	to.UseARNRegion = true
	if o.FIPS {
		to.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
	}
	if o.DualStack {
		to.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
	}
	// Retries are ours: see series.
	to.Retryer = aws.NopRetryer{}
	to.RetryMaxAttempts = 0
	// A whole object's checksum is checked against a range's bytes otherwise, by
	// servers that send it there: a false alarm on every GET.
	to.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	to.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	to.DisableLogOutputChecksumValidationSkipped = true
	// The SDK's logs hold headers.
	to.ClientLogMode = 0
	to.Logger = logging.Nop{}
	return endpoint, err
}

// loadOptions says how the SDK's configuration differs from its default.
func (o Options) loadOptions() ([]func(*config.LoadOptions) error, error) {
	var opts []func(*config.LoadOptions) error
	if o.Region != "" {
		opts = append(opts, config.WithRegion(o.Region))
	}
	profile := o.Profile
	if o.SharedCredentialsFile != "" {
		opts = append(opts, config.WithSharedCredentialsFiles([]string{o.SharedCredentialsFile}))
		// Only a named profile wins over keys in the environment.
		if profile == "" {
			profile = os.Getenv("AWS_PROFILE")
		}
		if profile == "" {
			profile = "default"
		}
	}
	if profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(profile))
	}
	if o.CABundle != "" {
		pem, err := os.ReadFile(o.CABundle)
		if err != nil {
			return nil, fmt.Errorf("%w: CA bundle: %w", fs.ErrInvalid, err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return nil, invalid("CA bundle %q holds no certificate in PEM", o.CABundle)
		}
		opts = append(opts, func(lo *config.LoadOptions) error {
			lo.CustomCABundle = bytes.NewReader(pem)
			return nil
		})
	}
	if o.NoSignRequest {
		opts = append(opts, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
	}
	return opts, nil
}

// loadConfig is the SDK's, which panics at a value that is one quote, as in a file that
// is just being written (config v1.33). Credentials are read again under a mount.
func loadConfig(ctx context.Context, opts []func(*config.LoadOptions) error) (cfg aws.Config, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("a file of it is malformed: is a quote not closed?")
		}
		err = configError(err)
	}()
	return config.LoadDefaultConfig(ctx, opts...)
}

// rootsOf takes the certificates that the SDK found (flag, AWS_CA_BUNDLE or
// profile) from the HTTP client it made for itself; nil means the system's.
func rootsOf(cfg aws.Config) *x509.CertPool {
	if b, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		if t := b.GetTransport().TLSClientConfig; t != nil {
			return t.RootCAs
		}
	}
	return nil
}

// firstRegion settles where requests are signed for: configured, or an ARN's own,
// or the default, which is then to be corrected by asking.
func (c *Client) firstRegion(configured string) (region string, discover bool) {
	if a, err := arn.Parse(c.o.Bucket); err == nil && a.Region != "" {
		configured = a.Region
	}
	c.regionFixed = configured != ""
	if c.regionFixed {
		return configured, false
	}
	return defaultRegion, c.custom == "" && !arn.IsARN(c.o.Bucket)
}

// checkSSEEndpoint refuses to send a customer's key in the clear, as S3 itself
// would, but before it has been sent.
func (c *Client) checkSSEEndpoint() error {
	if c.sse.key == nil || c.custom == "" {
		return nil
	}
	u, err := checkEndpoint(c.custom)
	if err != nil {
		return err
	}
	if u.Scheme != "https" && !isLoopback(u.Hostname()) {
		return invalid("an SSE-C key is never sent over http: use an https endpoint")
	}
	return nil
}

// configError names what a user can put right in the SDK's configuration.
func configError(err error) error {
	if err == nil {
		return nil
	}
	var profile config.SharedConfigProfileNotExistError
	if errors.As(err, &profile) {
		return &failure{sentinel: ErrCredentials, also: ErrNoCredentials, detail: fmt.Sprintf("profile %q does not exist", profile.Profile)}
	}
	return &failure{sentinel: ErrCredentials, also: ErrNoCredentials, detail: "the AWS configuration cannot be used: " + err.Error()}
}
