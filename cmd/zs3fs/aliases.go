package main

// alias is a name by which users of another S3 mount know one of our options.
type alias struct {
	name   string
	option string
	// unit is what a bare number means there, where that is not what it means here.
	unit string
}

// aliases, spelled with "-"; "_" is the same.
var aliases = []alias{
	{"only-dir", "prefix", ""}, {"subdirectory", "prefix", ""}, {"subdir", "prefix", ""},

	{"endpoint", "endpoint-url", ""}, {"url", "endpoint-url", ""}, {"host", "endpoint-url", ""},
	{"s3-endpoint", "endpoint-url", ""}, {"custom-endpoint", "endpoint-url", ""},
	{"s3-region", "region", ""}, {"s3-profile", "profile", ""},
	{"credentials-file", "shared-credentials-file", ""},
	{"use-path-request-style", "force-path-style", ""}, {"path-style", "force-path-style", ""},
	{"s3-force-path-style", "force-path-style", ""},
	{"anonymous", "no-sign-request", ""}, {"public-bucket", "no-sign-request", ""},
	{"anonymous-access", "no-sign-request", ""},
	{"s3-requester-pays", "requester-pays", ""},
	{"sse-c", "sse-c-key-file", ""},
	{"s3-use-dual-stack", "dual-stack", ""}, {"s3-use-accelerate-endpoint", "transfer-acceleration", ""},
	{"ca-cert", "ca-bundle", ""}, {"no-check-certificate", "no-verify-ssl", ""},

	{"cache", "cache-dir", ""}, {"use-cache", "cache-dir", ""}, {"tmp-path", "cache-dir", ""},
	{"block-cache-path", "cache-dir", ""},
	{"max-cache-size", "cache-size", ""}, {"cache-max-size", "cache-size", ""},
	{"vfs-cache-max-size", "cache-size", "KiB"}, {"file-cache-max-size-mb", "cache-size", ""},
	{"block-cache-disk-size", "cache-size", ""},
	{"ensure-diskfree", "cache-min-free", ""}, {"free-space-ratio", "cache-min-free", "%"},
	{"vfs-cache-min-free-space", "cache-min-free", "KiB"},
	{"cache-block-size", "block-size", "KiB"}, {"block-cache-block-size", "block-size", ""},

	{"stat-cache-expire", "metadata-ttl", ""}, {"stat-cache-ttl", "metadata-ttl", ""},
	{"type-cache-ttl", "metadata-ttl", ""}, {"dir-cache-time", "metadata-ttl", ""},
	{"attr-timeout", "metadata-ttl", ""}, {"entry-timeout", "metadata-ttl", ""},
	{"ac-attr-timeout", "metadata-ttl", ""}, {"attr-cache", "metadata-ttl", ""},
	{"entry-cache", "metadata-ttl", ""}, {"attr-cache-timeout", "metadata-ttl", ""},
	{"metadata-cache-ttl-secs", "metadata-ttl", ""},
	{"negative-timeout", "negative-metadata-ttl", ""}, {"negative-entry-cache", "negative-metadata-ttl", ""},
	{"metadata-cache-negative-ttl-secs", "negative-metadata-ttl", ""},
	{"stat-cache-max-size-mb", "metadata-memory", ""},

	{"prefetch", "read-ahead", ""}, {"vfs-read-ahead", "read-ahead", "KiB"}, {"max-readahead", "read-ahead", ""},
	{"parallel-count", "max-downloads", ""}, {"max-threads", "max-downloads", ""},
	{"max-thread-count", "max-downloads", ""}, {"multireq-max", "max-downloads", ""},
	{"max-parallel-downloads", "max-downloads", ""}, {"vfs-read-chunk-streams", "max-downloads", ""},
	{"block-cache-parallelism", "max-downloads", ""}, {"read-ahead-parallel", "max-downloads", ""},
	{"vfs-read-chunk-size", "read-part-size", "KiB"}, {"multipart-size", "read-part-size", ""},
	{"memory-target", "memory-limit", ""}, {"buffer-size", "memory-limit", ""},
	{"block-cache-pool-size", "memory-limit", ""},

	{"readwrite-timeout", "request-timeout", ""}, {"http-timeout", "request-timeout", ""},
	{"timeout", "request-timeout", ""}, {"get-timeout", "request-timeout", ""},
	{"contimeout", "connect-timeout", ""},
	{"bwlimit", "bandwidth-limit", "KiB"}, {"limit-bytes-per-sec", "bandwidth-limit", "B"},
	{"tpslimit", "request-limit", ""}, {"limit-ops-per-sec", "request-limit", ""},
	{"low-level-retries", "retries", ""}, {"io-retries", "retries", ""},

	{"logfile", "log-file", ""}, {"log", "log-file", ""}, {"log-file-path", "log-file", ""},
	{"dbglevel", "log-level", ""}, {"log-severity", "log-level", ""},

	{"fmode", "file-mode", ""}, {"dmode", "dir-mode", ""}, {"mp-umask", "umask", ""},
}
