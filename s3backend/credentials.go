package s3backend

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
)

// refreshAhead is how long before their end credentials are replaced, so that a
// slow source (IMDS, a process, SSO) has failed a few times before it hurts.
const refreshAhead = 5 * time.Minute

// sourcePatience is how long a source is waited for while there are good credentials:
// instance metadata answers within milliseconds, a process within a second.
const sourcePatience = 2 * time.Second

// credentialsError marks the failure of a source of credentials, which the SDK
// wraps in errors of its own on the way up.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return "credentials: " + e.err.Error() }
func (e *credentialsError) Unwrap() error { return e.err }

// detail does not quote the source: a credential_process may print anything.
func (e *credentialsError) detail() string {
	var sso *ssocreds.InvalidTokenError
	switch {
	case errors.Is(e.err, context.DeadlineExceeded):
		return "their source does not answer"
	case errors.As(e.err, &sso):
		return "the SSO session has ended: log in again with aws sso login"
	}
	return "none found, or their source failed"
}

// errSourceLate is for an attempt whose time ended before credentials had come. To the
// rest it is as if the server had not answered: what hangs is often the network of both,
// and the next attempt finds the same question to the source under way. In words it must
// not look like an outage of S3.
var errSourceLate error = &failure{sentinel: ErrUnavailable, detail: "credentials: their source has not answered yet"}

// chain is the SDK's default chain, run anew for each retrieval. The SDK reads a
// static profile once for the life of a process; here a credentials file that
// another program renews is read again when its token has expired.
type chain struct {
	load    func(ctx context.Context) (aws.CredentialsProvider, error)
	timeout time.Duration
	life    context.Context // ends retrievals at Close
	running sync.WaitGroup

	mu      sync.Mutex
	first   aws.CredentialsProvider // of the first load, used once
	expires time.Time               // true end of the last credentials; zero once they were refused
	asked   *retrieval              // whose answer nobody has taken yet; nil for none
}

// Retrieve implements aws.CredentialsProvider. It waits for all that the source may
// take, but not while there are good credentials: all requests wait with it. What
// the source says later is for the next call.
func (p *chain) Retrieve(ctx context.Context) (aws.Credentials, error) {
	p.mu.Lock()
	if p.asked == nil || p.asked.stale() {
		p.asked = p.ask(ctx)
	}
	r, good := p.asked, time.Until(p.expires)
	p.mu.Unlock()
	if good > sourcePatience {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, sourcePatience)
		defer cancel()
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		return aws.Credentials{}, &credentialsError{ctx.Err()}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked == r {
		p.asked = nil
	}
	if r.err != nil {
		return aws.Credentials{}, &credentialsError{r.err}
	}
	p.expires = r.creds.Expires
	return r.creds, nil
}

// HandleFailToRefresh keeps the last good credentials until they really end, and
// has the source asked again in a minute.
func (p *chain) HandleFailToRefresh(_ context.Context, prev aws.Credentials, err error) (aws.Credentials, error) {
	p.mu.Lock()
	expires := p.expires
	p.mu.Unlock()
	if !prev.HasKeys() || !prev.CanExpire || !time.Now().Before(expires) {
		return aws.Credentials{}, err
	}
	prev.Expires = time.Now().Add(time.Minute)
	if expires.Before(prev.Expires) {
		prev.Expires = expires
	}
	return prev, nil
}

// AdjustExpiresBy brings the end of new credentials forward, but by half of their
// life at most: a source that gives out short ones would be asked for each
// request. Kept ones have their end from HandleFailToRefresh.
func (p *chain) AdjustExpiresBy(creds aws.Credentials, by time.Duration) (aws.Credentials, error) {
	p.mu.Lock()
	fresh := creds.Expires.Equal(p.expires)
	p.mu.Unlock()
	if fresh {
		creds.Expires = creds.Expires.Add(max(by, -time.Until(creds.Expires)/2))
	}
	return creds, nil
}

var (
	_ aws.HandleFailRefreshCredentialsCacheStrategy = (*chain)(nil)
	_ aws.AdjustExpiresByCredentialsCacheStrategy   = (*chain)(nil)
)

// forget has the source asked anew, and waited for: the last credentials were refused.
func (p *chain) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expires, p.asked = time.Time{}, nil
}

// refresher is the cache of a chain's credentials.
type refresher struct {
	*aws.CredentialsCache
	chain *chain

	mu   sync.Mutex
	last time.Time // of the last invalidation
}

func newRefresher(p *chain) *refresher {
	return &refresher{
		CredentialsCache: aws.NewCredentialsCache(p, func(o *aws.CredentialsCacheOptions) {
			o.ExpiryWindow = refreshAhead
		}),
		chain: p,
	}
}

// Retrieve implements aws.CredentialsProvider.
func (r *refresher) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := r.CredentialsCache.Retrieve(ctx)
	if err != nil && ctx.Err() != nil {
		err = errSourceLate
	}
	return creds, err
}

// invalidate forgets the credentials with which a request that started at start
// was refused. When all requests of a busy client are refused at once, the first
// to say so counts: the others were signed with what is forgotten already.
func (r *refresher) invalidate(start time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if start.After(r.last) {
		r.chain.forget()
		r.Invalidate()
		r.last = time.Now()
	}
}
