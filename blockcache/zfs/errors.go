package zfs

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// Errors adds up the read and checksum errors that a dataset's pool has met on its
// devices. zpool(8) tells them by property since OpenZFS 2.2; the library knows
// properties of pools only.
func (t *Tools) Errors(dataset string) (int64, error) {
	if err := checkName(dataset); err != nil {
		return 0, err
	}
	pool, _, _ := strings.Cut(dataset, "/")
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "zpool", "get", "-Hp", "-o", "value", "read_errors,checksum_errors", pool, "all-vdevs")
	cmd.WaitDelay = commandGrace
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("zpool get read_errors,checksum_errors %s: %w", pool, err)
	}
	var sum int64
	for _, field := range strings.Fields(string(out)) {
		if n, err := strconv.ParseInt(field, 10, 64); err == nil { // else "-": not a device
			sum += n
		}
	}
	return sum, nil
}
