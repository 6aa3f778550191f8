package main

import (
	"os"
	"path/filepath"
	"strings"
)

// absolutePaths makes the options' paths independent of the directory the daemon
// works in later.
func absolutePaths(o *Options) error {
	for _, p := range []*string{&o.Cache.Dir, &o.Mount.RuntimeDir, &o.Log.File, &o.S3.SharedCredentialsFile, &o.S3.SSECKeyFile, &o.S3.CABundle} {
		if *p == "" {
			continue
		}
		abs, err := filepath.Abs(*p)
		if err != nil {
			return fail(Failed, "%s: %v", *p, err)
		}
		*p = abs
	}
	return nil
}

// checkOverlap refuses a daemon that would wait for itself: its own files must not
// lie under its mount point, nor the mount point in its cache.
func checkOverlap(o *Options) error {
	home := os.Getenv("HOME")
	own := []struct{ what, path string }{
		{"the cache directory", o.Cache.Dir},
		{"the log file", o.Log.File},
		{"the control socket", o.Mount.RuntimeDir},
		{"the credentials file", o.S3.SharedCredentialsFile},
		{"the SSE-C key file", o.S3.SSECKeyFile},
		{"the CA bundle", o.S3.CABundle},
		{"$AWS_SHARED_CREDENTIALS_FILE", os.Getenv("AWS_SHARED_CREDENTIALS_FILE")},
		{"$AWS_CONFIG_FILE", os.Getenv("AWS_CONFIG_FILE")},
		{"$AWS_WEB_IDENTITY_TOKEN_FILE", os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE")},
		{"$AWS_CA_BUNDLE", os.Getenv("AWS_CA_BUNDLE")},
	}
	if home != "" && !o.S3.NoSignRequest {
		own = append(own, struct{ what, path string }{"the AWS configuration", filepath.Join(home, ".aws")})
	}
	for _, f := range own {
		if f.path != "" && within(realPath(f.path), o.Dir) {
			return fail(PathsOverlap, "%s (%s) lies under the mount point %s: the daemon would wait for itself; move it", f.what, f.path, o.Dir)
		}
	}
	if within(o.Dir, realPath(o.Cache.Dir)) {
		return fail(PathsOverlap, "the mount point %s lies in the cache directory %s: choose another", o.Dir, o.Cache.Dir)
	}
	return nil
}

// realPath resolves links of the part of a path that exists.
func realPath(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	for rest := ""; ; {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Join(real, rest)
		}
		if path == "/" {
			return filepath.Join(path, rest)
		}
		rest = filepath.Join(filepath.Base(path), rest)
		path = filepath.Dir(path)
	}
}

// within reports whether path is dir or below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}
