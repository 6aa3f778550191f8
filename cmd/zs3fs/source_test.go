package main

import "testing"

func TestParseSource(t *testing.T) {
	const arn = "arn:aws:s3:eu-west-1:123456789012:accesspoint/my-point"
	const outpost = "arn:aws:s3-outposts:eu-west-1:123456789012:outpost/op-1/accesspoint/my-point"
	for _, c := range []struct{ in, bucket, prefix, text string }{
		{"bucket", "bucket", "", "s3://bucket"},
		{"s3://bucket", "bucket", "", "s3://bucket"},
		{"s3://bucket/", "bucket", "", "s3://bucket"},
		{"s3a://bucket/p", "bucket", "p/", "s3://bucket/p"},
		{"s3://bucket/a/b", "bucket", "a/b/", "s3://bucket/a/b"},
		{"s3://bucket//a", "bucket", "/a/", "s3://bucket//a"},
		{"s3://bucket/a b%2F/../é", "bucket", "a b%2F/../é/", "s3://bucket/a b%2F/../é"},
		{"bucket:prefix", "bucket", "prefix/", "s3://bucket/prefix"},
		{"bucket:/prefix/", "bucket", "prefix/", "s3://bucket/prefix"},
		{"bucket:/", "bucket", "", "s3://bucket"},
		{"bucket:a:b", "bucket", "a:b/", "s3://bucket/a:b"},
		{"Old_Bucket", "Old_Bucket", "", "s3://Old_Bucket"},
		{arn, arn, "", "s3://" + arn},
		{arn + "/p/q", arn, "p/q/", "s3://" + arn + "/p/q"},
		{"s3://" + arn + "/p", arn, "p/", "s3://" + arn + "/p"},
		{outpost, outpost, "", "s3://" + outpost},
	} {
		got, err := parseSource(c.in)
		if err != nil || got.Bucket != c.bucket || got.Prefix != c.prefix || got.String() != c.text {
			t.Errorf("parseSource(%q) = %+v (%s), %v", c.in, got, got, err)
		}
	}
	for _, in := range []string{
		"", "/", "s3://", "s3:///x", ":/prefix", "bucket/prefix", "https://s3.example.com/bucket", "gs://bucket",
		"b", "-bucket", "bu cket", "../etc", "arn:aws:s3:::bucket", "arn:aws:iam::1:role/x", arn + "x y",
	} {
		if got, err := parseSource(in); codeOf(err) != Source {
			t.Errorf("parseSource(%q) = %+v, %v", in, got, err)
		}
	}
}

func TestParseObject(t *testing.T) {
	for _, c := range []struct{ in, bucket, key string }{
		{"s3://bucket/key", "bucket", "key"},
		{"s3://bucket/a/../b", "bucket", "a/../b"},
		{"s3://bucket//a", "bucket", "/a"},
		{"s3://bucket/dir/", "bucket", "dir/"},
		{"s3://bucket/a%20b", "bucket", "a%20b"},
	} {
		src, key, err := parseObject(c.in)
		if err != nil || src.Bucket != c.bucket || key != c.key {
			t.Errorf("parseObject(%q) = %v, %q, %v", c.in, src, key, err)
		}
	}
	for _, in := range []string{"s3://bucket", "s3://bucket/", "bucket/key", "bucket"} {
		if _, key, err := parseObject(in); codeOf(err) != Source {
			t.Errorf("parseObject(%q) = %q, %v", in, key, err)
		}
	}
}

func TestPrefixOption(t *testing.T) {
	for _, c := range []struct {
		source, flag, want string
		code               Code
	}{
		{"bucket", "", "", OK}, {"bucket", "data", "data/", OK}, {"bucket", "/data/", "data/", OK},
		{"s3://bucket/data", "data", "data/", OK}, {"s3://bucket/data", "other", "", Source},
	} {
		o := &Options{Source: source{Prefix: c.flag}}
		err := o.setOperands(c.source, "/mnt")
		if codeOf(err) != c.code || err == nil && o.Source.Prefix != c.want {
			t.Errorf("%s --prefix %s: %q, %v", c.source, c.flag, o.Source.Prefix, err)
		}
	}
}
