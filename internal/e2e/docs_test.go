package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// packages are those that docs/faults.md names.
var packages = map[string]string{
	"e2e": "internal/e2e", "s3backend": "s3backend", "s3test": "s3backend/s3test", "catalog": "s3backend/catalog", "ledger": "s3backend/catalog/ledger",
	"blockcache": "blockcache", "zfs": "blockcache/zfs", "prefetch": "prefetch", "fusefs": "fusefs", "zs3fs": "cmd/zs3fs",
	"fstabvm": "internal/fstabvm", "conformance": "s3backend/s3test/conformance", "asof": "s3backend/asof",
	"model": "internal/model",
}

// TestFaultsAreDocumented holds docs/faults.md to its word: every row is there, and
// so is every test that a row names.
func TestFaultsAreDocumented(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		row := strings.TrimSpace(cells[0])
		if !regexp.MustCompile(`^F\d+$`).MatchString(row) {
			continue
		}
		rows[row] = true
		if len(cells) != 4 {
			t.Errorf("%s has %d cells", row, len(cells))
			continue
		}
		for name := range strings.SplitSeq(cells[3], ",") {
			pkg, test, _ := strings.Cut(strings.TrimSpace(name), ".")
			if !hasTest(t, filepath.Join(root, packages[pkg]), test) {
				t.Errorf("%s: there is no test %s in package %q", row, test, pkg)
			}
		}
	}
	for _, span := range [][2]int{{1, 26}, {28, 69}, {71, 73}, {79, 81}} {
		for i := span[0]; i <= span[1]; i++ {
			if row := fmt.Sprintf("F%d", i); !rows[row] {
				t.Errorf("row %s is missing", row)
			}
		}
	}
}

// TestRulesAreDocumented holds the table of docs/semantics.md to its word.
func TestRulesAreDocumented(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "semantics.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## Tests of the rules\n")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := map[string]bool{}
	for line := range strings.Lines(table) {
		rule, tests, ok := strings.Cut(strings.Trim(strings.TrimSpace(line), "| "), " | ")
		if !ok || rule == "rule" {
			continue
		}
		rows[rule] = true
		if strings.HasPrefix(tests, "none: ") {
			continue
		}
		for name := range strings.SplitSeq(tests, ",") {
			pkg, test, _ := strings.Cut(strings.TrimSpace(name), ".")
			if !hasTest(t, filepath.Join(root, packages[pkg]), test) {
				t.Errorf("rule %s: there is no test %s in package %q", rule, test, pkg)
			}
		}
	}
	for rule := range 21 {
		if !rows[fmt.Sprint(rule+1)] {
			t.Errorf("rule %d has no row", rule+1)
		}
	}
}

// hasTest looks for a test function in a package's files.
func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}
