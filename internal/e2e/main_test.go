package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

// executable is the zs3fs under test; set once, by suite.Run, before any test.
var executable string

func TestMain(m *testing.M) {
	if job := os.Getenv(jobVariable); job != "" {
		os.Exit(readerMain(job))
	}
	if place := os.Getenv(errfsVariable); place != "" {
		os.Exit(errfsMain(place))
	}
	goleak.VerifyTestMain(suite{m})
}

// binaryVariable names a zs3fs to test where there is no Go to build one.
const binaryVariable = "ZS3FS_E2E_BINARY"

// suite builds zs3fs before the tests and removes it after.
type suite struct{ m *testing.M }

func (s suite) Run() int {
	if executable = os.Getenv(binaryVariable); executable != "" {
		return s.m.Run()
	}
	dir, err := os.MkdirTemp("", "zs3fs-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	executable = filepath.Join(dir, "zs3fs")
	if err := build(executable, "CGO_ENABLED=0"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return s.m.Run()
}

func build(out, env string, flags ...string) error {
	args := append([]string{"build", "-o", out}, flags...)
	cmd := exec.Command("go", append(args, "github.com/zs3fs/zs3fs/cmd/zs3fs")...)
	cmd.Env = append(os.Environ(), env)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, text)
	}
	return nil
}

// soak returns how many rounds a random test makes: n in "make test", and n times
// ZS3FS_SOAK in a soak.
func soak(t *testing.T, n int) int {
	s := os.Getenv("ZS3FS_SOAK")
	if s == "" {
		return n
	}
	factor, err := strconv.Atoi(s)
	if err != nil || factor < 1 {
		t.Fatalf("ZS3FS_SOAK=%q is no positive number", s)
	}
	return n * factor
}
