package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestExitCodesAreDocumented compares the table in the documentation with the
// program's. With UPDATE=1 it writes it.
func TestExitCodesAreDocumented(t *testing.T) {
	const file, begin = "../../docs/exit-codes.md", "| code | name | meaning |\n|---:|---|---|\n"
	var table strings.Builder
	seen := map[Code]bool{}
	for _, c := range codes {
		if seen[c.Code] || c.Code < 0 || c.Code > 125 {
			t.Errorf("code %d is used twice, or is the shell's", c.Code)
		}
		seen[c.Code] = true
		fmt.Fprintf(&table, "| %d | %s | %s |\n", c.Code, c.Name, c.Meaning)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, old, ok := strings.Cut(string(text), begin)
	if !ok {
		t.Fatalf("%s has no table", file)
	}
	if old == table.String() {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s differs from the program: run UPDATE=1 go test ./cmd/zs3fs -run %s", file, t.Name())
	}
	if err := os.WriteFile(file, []byte(head+begin+table.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	err := fail(Failed, "mount point %s", "/a\nb\x1b[31m\tc")
	if got := oneLine(err); strings.ContainsAny(got, "\n\x1b\t") {
		t.Errorf("%q", got)
	}
}
