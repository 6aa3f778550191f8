package fusefs_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// roleEnv makes the test binary something else than the tests: a process must not
// be both the server of a mount and its reader.
const roleEnv = "FUSEFS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleEnv); role {
	case "":
		goleak.VerifyTestMain(m)
	case "daemon":
		os.Exit(daemon())
	case "reader":
		os.Exit(reader())
	default:
		fmt.Fprintln(os.Stderr, "unknown role", role)
		os.Exit(2)
	}
}
