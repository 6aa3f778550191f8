//go:build zfsvm

package e2e_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// budgetMargin is what the dataset may hold beside the blocks that the maps call
// present: 1 MiB for maps, directories and the trees of blocks, and one version of
// 6 MiB that is unlinked, whose records ZFS frees some groups later.
const budgetMargin = 7 * mib

// TestZFSBudget has eight readers scan twice the cache's size. From outside, by du and
// by ZFS's own accounting, it never holds more than its limit.
func TestZFSBudget(t *testing.T) {
	const budget = 24 * mib
	d := newPool(t).dataset("cache")
	s := standOn(d)
	s.mount("--log-level", "info", "--cache-size", fmt.Sprintf("%dB", budget))
	var readers []*reader
	for i := range 8 {
		readers = append(readers, s.put(fmt.Sprintf("f%d", i), 6*mib+int64(i)).job("sequential").start(t))
	}
	var most, mostUsed int64
	look := func() {
		most = max(most, du(t, s.cache))
		for _, property := range []string{"referenced", "used"} {
			mostUsed = max(mostUsed, d.bytes(property))
		}
	}
	for _, r := range readers {
		for running := true; running; {
			select {
			case <-r.ended:
				running = false
			default:
			}
			look()
		}
		if v, err := r.wait(); err != nil || v.Error != "" {
			t.Error(err, v.Error)
		}
	}
	d.sync()
	look()
	t.Logf("at most %d KiB by du, %d KiB by ZFS, of %d KiB", most/kib, mostUsed/kib, budget/kib)
	if most > budget+budgetMargin || mostUsed > budget+budgetMargin {
		t.Errorf("at most %d bytes by du and %d by ZFS, the limit is %d", most, mostUsed, budget)
	}
	if most < budget/2 {
		t.Errorf("never more than %d bytes of %d were used", most, budget)
	}
	if on := walkCache(t, s.cache, false); on.bytes > budget {
		t.Errorf("the maps have %d bytes of %d", on.bytes, budget)
	}
}

// du is the space that files below a directory take.
func du(t testing.TB, dir string) int64 {
	t.Helper()
	if _, err := os.Stat(dir); err != nil {
		return 0
	}
	// Files that go while it looks make it fail; what it has found it prints.
	out, err := run("sh", "-c", `du -s --block-size=1 "$1" 2>/dev/null || true`, "du", dir)
	if err != nil {
		t.Fatal(err)
	}
	size, _, _ := strings.Cut(out, "\t")
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil {
		t.Fatalf("du said %q", out)
	}
	return n
}
