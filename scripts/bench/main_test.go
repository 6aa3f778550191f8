package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also the server's, the readers' and the bare client's process, as main is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && processes()[os.Args[1]] != nil {
		exit(processes()[os.Args[1]]())
	}
	goleak.VerifyTestMain(m)
}
