package main

import (
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/catalog/ledger"
)

const (
	// namesShare is the part of the cache's size that names may take beside it.
	namesShare = 64
	// mostNames holds eight million names at 30 bytes.
	mostNames = 256 << 20
	// namesRoom is their directory in the mount's own.
	namesRoom = "names"
)

// openLedger opens what is kept of names, where the cache keeps anything on disk. That it
// cannot be opened is no reason not to mount, and is logged.
func (c *chain) openLedger(o *Options, log *slog.Logger) {
	room, err := c.cache.OpenRoom(namesRoom)
	if err != nil && !errors.Is(err, unix.EROFS) {
		log.Warn("names are not kept on disk", "err", err)
	}
	if room == nil {
		return
	}
	if !o.Tree.Persist {
		defer room.Close()
		// A later mount must not believe what this one refreshes.
		if err := ledger.Remove(room); err != nil {
			log.Warn("cannot remove the names on disk", "err", err)
		}
		return
	}
	c.names = ledger.Open(ledger.Config{
		Dir: room, View: c.view(o), Limit: min(c.budget/namesShare, mostNames), Logger: log,
	})
	c.closers = append(c.closers, func() error {
		if err := c.names.Close(); err != nil {
			return err // a call that hangs must not find the room's number given to another file
		}
		return room.Close()
	})
}

// view names what answers about names depend on beside the path.
func (c *chain) view(o *Options) string {
	return fmt.Sprintf("%q %q %q %q as of %q, names to %d, escaped: %v, folder markers hidden: %v",
		c.client.Endpoint(), o.Source.Bucket, o.Source.Prefix, c.client.KeyID(), o.AsOf.String(), o.Tree.NameMax, o.Tree.escape(), o.Tree.HideFolderMarkers)
}
