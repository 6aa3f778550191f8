package catalog

import (
	"context"
	"strings"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// peekBeside asks for a page of the keys below dir and behind it, which tells of the
// directories beside it that it covers too. It reports whether
// that tells of dir, or that there is nothing below it.
func (c *Catalog) peekBeside(ctx context.Context, b s3backend.Peeker, dir string, epoch uint64) (told bool, err error) {
	parent, _ := split(dir)
	below := c.Below(dir)
	asked := time.Now()
	// Between "d." and "d/" are files like d.txt only.
	span := s3backend.Span{Prefix: c.Below(parent), After: strings.TrimSuffix(below, "/") + ".", Deep: true}
	keys, whole, err := b.Peek(ctx, span)
	switch {
	case unpeekable(err):
		c.strays.denied(parent)
		return false, nil
	case err != nil:
		return false, err
	case c.ignoresAfter():
		c.sawNoSpans() // what came is right all the same
	}
	listed, _ := c.learnKeys(span, parent, keys, whole, asked, epoch)
	var beside reach
	for _, path := range listed {
		if in, _ := split(path); in == parent && path != dir {
			if beside.from == "" {
				beside.from = path
			}
			beside.to = path
		}
	}
	c.strays.told(parent, beside, len(keys))
	if n := len(keys); !whole && (n == 0 || keys[n-1].Object.Key < below) {
		return false, nil
	}
	c.peeks.took(dir, len(keys))
	return true, nil
}
