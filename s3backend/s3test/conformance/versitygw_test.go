package conformance_test

import (
	"bytes"
	"cmp"
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
	"github.com/zs3fs/zs3fs/s3backend/s3test/conformance"
)

const versitygwModule = "github.com/versity/versitygw"

// goOutput runs the go command in dir.
func goOutput(t testing.TB, dir string, args ...string) string {
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

// versitygwBinary returns the path of the server, built from the tools module
// unless the project's cache has the version pinned there.
func versitygwBinary(t testing.TB) string {
	root := filepath.Dir(goOutput(t, ".", "env", "GOMOD"))
	tools := filepath.Join(root, "scripts", "tools", "versitygw")
	bin := filepath.Join(root, ".cache", "bin", "versitygw")
	if err := os.MkdirAll(filepath.Dir(bin), 0o755); err != nil {
		t.Fatal(err)
	}
	// Tests of several packages, and make, may want it at the same time.
	lock, err := os.OpenFile(bin+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	want := goOutput(t, tools, "list", "-m", "-f", "{{.Version}}", versitygwModule)
	if info, err := buildinfo.ReadFile(bin); err == nil && info.Main.Path == versitygwModule && info.Main.Version == want {
		return bin
	}
	goOutput(t, tools, "build", "-trimpath", "-o", bin, versitygwModule+"/cmd/versitygw")
	return bin
}

// gateway is a running versitygw.
type gateway struct {
	url     string
	sdk     *s3.Client // for what zs3fs never does: put, delete, make buckets
	buckets int
}

const gwAccess, gwSecret = "AKIDVERSITYGW", "versitygw-secret"

// startVersitygw runs the server on a free port until the test ends.
func startVersitygw(t testing.TB) *gateway {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	root, versions := xattrDir(t), t.TempDir()
	cmd := exec.Command(versitygwBinary(t), "--port", addr, "--keep-alive", "--quiet",
		"posix", "--versioning-dir", versions, root)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	// Keys in the environment show in no process list.
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+gwAccess, "ROOT_SECRET_KEY="+gwSecret)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		<-exited
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		if c, err := net.Dial("tcp4", addr); err == nil {
			c.Close()
			break
		}
		select {
		case err := <-exited:
			exited <- err
			t.Fatalf("versitygw: %v\n%s", err, output.String())
		case <-deadline:
			t.Fatal("versitygw does not answer")
		case <-tick.C:
		}
	}
	return &gateway{url: "http://" + addr, sdk: s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://" + addr), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(gwAccess, gwSecret, ""),
	})}
}

// xattrDir is a directory that takes user xattrs, in which versitygw keeps ETags;
// /tmp may be a file system without.
func xattrDir(t testing.TB) string {
	for _, base := range []string{"", "/var/tmp"} {
		dir, err := os.MkdirTemp(base, "versitygw-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) }) // left to the system if it fails
		if unix.Setxattr(dir, "user.zs3fs.test", []byte("1"), 0) == nil {
			return dir
		}
	}
	t.Fatalf("neither %s nor /var/tmp takes user xattrs", cmp.Or(os.Getenv("TMPDIR"), "/tmp"))
	return ""
}

// versioned makes a Target of a new bucket that keeps versions.
func (g *gateway) versioned(t testing.TB) conformance.Target {
	target := g.open(t)
	_, err := g.sdk.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket:                  aws.String(g.bucket()),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		t.Fatal(err)
	}
	target.Versioned = true
	return target
}

// bucket is the name of the newest bucket.
func (g *gateway) bucket() string { return fmt.Sprintf("bucket-%d", g.buckets) }

// open makes a Target of a new bucket.
func (g *gateway) open(t testing.TB) conformance.Target {
	setenv(t, gwAccess, gwSecret)
	g.buckets++
	bucket := aws.String(g.bucket())
	if _, err := g.sdk.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	return conformance.Target{
		Bucket: client(t, s3backend.Options{Bucket: *bucket, EndpointURL: g.url}),
		Put: func(ctx context.Context, key string, c s3test.Content) error {
			body := io.NewSectionReader(c, 0, c.Size())
			_, err := g.sdk.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String(key), Body: body})
			return err
		},
		Delete: func(ctx context.Context, key string) error {
			_, err := g.sdk.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String(key)})
			return err
		},
		PathKeys:   true,
		LooseETags: true, // it reads the ETag by path before it opens the file
	}
}

func TestVersitygw(t *testing.T) {
	g := startVersitygw(t)
	t.Run("Plain", func(t *testing.T) { conformance.TestBucket(t, g.open) })
	t.Run("Versioned", func(t *testing.T) { conformance.TestBucket(t, g.versioned) })
}

func BenchmarkVersitygw(b *testing.B) { conformance.BenchmarkBucket(b, startVersitygw(b).open) }
