package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/asof"
)

// asOfValue is a moment in the past: the zero value is none.
type asOfValue struct{ time.Time }

func (v *asOfValue) Type() string { return "time" }

func (v *asOfValue) String() string {
	if v.IsZero() {
		return ""
	}
	return v.Format(time.RFC3339Nano)
}

// asOfLayouts are tried in turn; those without a zone are in local time.
var asOfLayouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05Z07:00",
	"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly,
}

func (v *asOfValue) Set(s string) error {
	s = strings.TrimSpace(s)
	at, ok := parseAgo(s)
	for _, layout := range asOfLayouts {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil && !ok {
			at, ok = t, true
		}
	}
	switch {
	case !ok:
		return errors.New("is not a time: write 2026-01-31T12:00:00Z, 2026-01-31 for its beginning in local time, or 2h, 3d or 1w for so long ago")
	case at.After(time.Now()):
		return errors.New("lies in the future")
	}
	v.Time = at
	return nil
}

// parseAgo reads a duration as so long before now.
func parseAgo(s string) (time.Time, bool) {
	d, err := parseDuration(s)
	return time.Now().Add(-d), err == nil && d > 0
}

func asOfFlag(f *pflag.FlagSet, o *Options) {
	f.Var(&o.AsOf, "as-of", "show the bucket as it was then: 2026-01-31T12:00:00Z, 2026-01-31 12:00 (local), 2h, 3d; the bucket must keep versions")
}

// settle makes what never changes last for ever.
func (o *Options) settle() {
	if !o.AsOf.IsZero() {
		o.Tree.TTL, o.Tree.NegativeTTL, o.Tree.Consistency.value = forever, forever, "ttl"
	}
}

// bucketAsOf returns the bucket to show, which is the client or its past.
func bucketAsOf(ctx context.Context, o *Options, client *s3backend.Client, log *slog.Logger) (s3backend.Bucket, error) {
	if o.AsOf.IsZero() {
		return client, nil
	}
	if err := checkVersions(ctx, o, client, log); err != nil {
		return nil, err
	}
	return asof.New(client, o.AsOf.Time), nil
}

// checkVersions asks whether the bucket keeps versions, and lets us list them.
func checkVersions(ctx context.Context, o *Options, client *s3backend.Client, log *slog.Logger) error {
	kept, err := client.Versioning(ctx)
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, s3backend.ErrBadAnswer):
		// s3:GetBucketVersioning is asked for by few policies, and not every server
		// has it; the listing of versions tells what matters.
		log.Warn("whether the bucket keeps versions is not known", "error", err)
	case err != nil:
		return s3Error(err, o, client)
	case !kept:
		return fail(NoVersions, "bucket %q keeps no versions: --as-of needs a bucket with versioning", o.Source.Bucket)
	}
	if _, err := client.Versions(ctx, o.Source.Prefix, s3backend.VersionMark{}, 1); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return fail(Denied, "--as-of: access to the versions of bucket %q is denied: allow s3:ListBucketVersions and s3:GetObjectVersion (%v)", o.Source.Bucket, err)
		}
		return s3Error(err, o, client)
	}
	return nil
}
