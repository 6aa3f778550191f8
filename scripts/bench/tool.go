package main

import (
	"os/exec"
	"path/filepath"
	"strings"
)

// place is where a tool mounts and what it may use.
type place struct {
	url, ca string // of the server
	mnt     string
	cache   string // directory of the tool's own
	home    string // for configuration files; temporary
	options string // further options of this pattern, for zs3fs
	walks   bool   // programs will ask for the attributes of many files
	size    int64  // of the large object
}

func (p place) tls() bool { return strings.HasPrefix(p.url, "https:") }

// tool is a program that mounts a bucket, in the foreground.
type tool struct {
	name string
	// program must be on PATH, or be a path.
	program string
	version string // the argument that makes it say its version
	// command's arguments and further environment mount the bucket at the place, with
	// a cache on disk where the tool has one that can hold the bucket.
	command func(p place) (args, env []string)
}

func (t tool) present() bool {
	_, err := exec.LookPath(t.program)
	return err == nil
}

const (
	bareName      = "bare"
	bareWriteName = "bare+write"
	zs3fsName     = "zs3fs"
	// Programs that read without a mount: a GET a file, and the Go library.
	naiveName   = "naive"
	libraryName = "library"
	// FUSE alone; this program.
	memoryName = "memory"
)

// tools are all that this program knows, in the order of the tables; clients
// are not among them.
func tools(zs3fs string) []tool {
	return []tool{
		{zs3fsName, zs3fs, "version", mountZS3FS},
		{"s3fs", "s3fs", "--version", mountS3FS},
		{"rclone", "rclone", "version", mountRclone},
		{"goofys", "goofys", "--version", mountGoofys},
		{"geesefs", "geesefs", "--version", mountGeeseFS},
		{"mount-s3", "mount-s3", "--version", mountMountpoint},
		{memoryName, "/proc/self/exe", "", mountMemory},
	}
}

const region = "us-east-1"

// credentials are what every tool but rclone takes from the environment. The server
// does not look at them.
func credentials() []string {
	return []string{"AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench", "AWS_REGION=" + region,
		"AWSACCESSKEYID=bench", "AWSSECRETACCESSKEY=bench"}
}

func mountZS3FS(p place) (args, env []string) {
	options := []string{"cache_dir=" + p.cache, "cache_size=20GiB", "region=" + region, "endpoint_url=" + p.url,
		"force_path_style", "runtime_dir=" + filepath.Join(p.home, "run")}
	if p.tls() {
		options = append(options, "ca_bundle="+p.ca)
	}
	if p.options != "" {
		options = append(options, p.options)
	}
	return []string{"mount", "-f", "s3://" + bucketName, p.mnt, "-o", strings.Join(options, ",")}, credentials()
}

// mountS3FS: s3fs reads ahead with parallel_count requests of multipart_size; 5 and
// 10 MB are its defaults, and more of them was faster here.
func mountS3FS(p place) (args, env []string) {
	options := "use_path_request_style,listobjectsv2,ro,parallel_count=32,use_cache=" + p.cache + ",tmpdir=" + p.home + ",url=" + p.url
	if p.walks {
		options += ",max_stat_cache_size=100000,stat_cache_expire=900,multireq_max=32"
	}
	if p.tls() {
		options += ",no_check_certificate,ssl_verify_hostname=0"
	}
	return []string{bucketName, p.mnt, "-f", "-o", options}, credentials()
}

// mountRclone: full is the mode with a cache. Requests grow from 8 MiB. Without
// --use-server-modtime each file's time costs a HEAD, one after another: 20,000 files
// take longer than anybody waits.
func mountRclone(p place) (args, env []string) {
	args = []string{"mount", ":s3:" + bucketName, p.mnt, "--config", filepath.Join(p.home, "rclone.conf"), "--read-only",
		"--vfs-cache-mode", "full", "--cache-dir", p.cache, "--vfs-read-chunk-size", "8M", "--buffer-size", "16M",
		"--s3-provider", "Other", "--s3-endpoint", p.url, "--s3-region", region, "--s3-force-path-style",
		"--s3-access-key-id", "bench", "--s3-secret-access-key", "bench", "--s3-no-check-bucket", "--s3-list-version", "2"}
	if p.tls() {
		args = append(args, "--ca-cert", p.ca)
	}
	if p.walks {
		args = append(args, "--use-server-modtime", "--dir-cache-time", "5m")
	}
	return args, nil
}

func mountGoofys(p place) (args, env []string) {
	return []string{"-f", "--endpoint", p.url, "--region", region, "-o", "ro", bucketName, p.mnt},
		append(credentials(), "SSL_CERT_FILE="+p.ca)
}

func mountGeeseFS(p place) (args, env []string) {
	return []string{"-f", "--endpoint", p.url, "--region", region, "-o", "ro", bucketName, p.mnt},
		append(credentials(), "SSL_CERT_FILE="+p.ca)
}

func mountMountpoint(p place) (args, env []string) {
	return []string{bucketName, p.mnt, "-f", "--endpoint-url", p.url, "--region", region, "--force-path-style",
		"--read-only", "--cache", p.cache}, append(credentials(), "SSL_CERT_FILE="+p.ca)
}
