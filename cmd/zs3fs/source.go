package main

import (
	"regexp"
	"strings"
)

// source is what is mounted: a bucket, and the prefix of the keys shown.
type source struct {
	Bucket string // a name, or an access point's ARN
	Prefix string // empty, or ending in "/"
}

var (
	// Access points, those of Outposts and of Object Lambda included; what follows
	// the name after a slash is a prefix.
	arnPattern = regexp.MustCompile(`^arn:aws[a-z-]*:s3[a-z-]*:[a-z0-9-]*:[0-9]*:(?:outpost[/:][^/:]+[/:])?accesspoint[/:][A-Za-z0-9.-]+`)
	// Wider than today's rule for new buckets: old buckets have capitals and
	// underscores, and other servers allow them.
	bucketPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$`)
	schemePattern = regexp.MustCompile(`^s3[an]?://`)
)

// parseSource reads "bucket", "s3://bucket/prefix", "bucket:/prefix" as s3fs
// writes it, "bucket:prefix" as goofys does, and an access point's ARN.
func parseSource(s string) (source, error) {
	bucket, prefix, err := splitSource(s)
	if err != nil {
		return source{}, err
	}
	return source{Bucket: bucket, Prefix: asPrefix(prefix)}, nil
}

// parseObject reads "s3://bucket/key"; the key is exactly what follows.
func parseObject(s string) (src source, key string, err error) {
	if !schemePattern.MatchString(s) {
		return source{}, "", fail(Source, "object %q: write it as s3://bucket/key", s)
	}
	bucket, key, err := splitSource(s)
	if err == nil && key == "" {
		err = fail(Source, "object %q has no key: write it as s3://bucket/key", s)
	}
	return source{Bucket: bucket}, key, err
}

func splitSource(s string) (bucket, prefix string, err error) {
	bucket, prefix, err = splitSpelling(s)
	if err != nil && strings.Contains(s, "@") {
		// It may be Hadoop's s3n://ID:SECRET@bucket, and what mount(8) prints ends in the journal.
		err = fail(Source, "the source has an @, with a secret in front of it perhaps: write s3://bucket/prefix, and give credentials by the environment or a profile")
	}
	return bucket, prefix, err
}

// splitSpelling is splitSource, but for what its errors may show.
func splitSpelling(s string) (bucket, prefix string, err error) {
	rest := schemePattern.ReplaceAllString(s, "")
	hasScheme := rest != s
	switch arn := arnPattern.FindString(rest); {
	case arn != "":
		after := rest[len(arn):]
		if after != "" && after[0] != '/' {
			return "", "", fail(Source, "source %q: what follows the access point's name must begin with a slash", s)
		}
		return arn, strings.TrimPrefix(after, "/"), nil
	case strings.HasPrefix(rest, "arn:"):
		return "", "", fail(Source, "source %q: of ARNs only access points' are known: arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME", s)
	case hasScheme:
		bucket, prefix, _ = strings.Cut(rest, "/")
	case strings.Contains(rest, "://"):
		return "", "", fail(Source, "source %q: write s3://bucket/prefix, and the server's address as --endpoint-url", s)
	default:
		var colon bool
		bucket, prefix, colon = strings.Cut(rest, ":")
		if !colon && strings.Contains(rest, "/") {
			return "", "", fail(Source, "source %q: did you mean s3://%s?", s, rest)
		}
		prefix = strings.TrimPrefix(prefix, "/")
	}
	if !bucketPattern.MatchString(bucket) {
		return "", "", fail(Source, "source %q: %q is not a bucket's name: write bucket, s3://bucket/prefix, bucket:/prefix or an access point's ARN", s, bucket)
	}
	return bucket, prefix, nil
}

// asPrefix ends a prefix in "/", so that data does not show data2.
func asPrefix(p string) string {
	if p == "" || strings.HasSuffix(p, "/") {
		return p
	}
	return p + "/"
}

// String is the source as the mount table and messages show it.
func (s source) String() string {
	return "s3://" + s.Bucket + strings.TrimSuffix("/"+s.Prefix, "/")
}
