package catalog

import (
	"context"
	"errors"
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
	// Between "d." and "d/" lies little: files like d.txt, and what is below directories
	// like d.bak.
	span := s3backend.Span{Prefix: c.Below(parent), After: strings.TrimSuffix(below, "/") + ".", Deep: true}
	keys, whole, err := b.Peek(ctx, span)
	switch {
	case ctx.Err() != nil, errors.Is(err, s3backend.ErrThrottled), errors.Is(err, s3backend.ErrUnreachable):
		return false, err
	case err != nil:
		c.strays.denied(parent) // it is another question than those about dir
		return false, nil
	case c.ignoresAfter():
		c.sawNoSpans() // what came is right all the same
	}
	listed, _ := c.learnKeys(span, parent, keys, whole, asked, epoch)
	var beside reach
	for _, path := range listed {
		if in, _ := split(path); in == parent && path != dir {
			if beside.to = c.Below(path); beside.from == "" {
				beside.from = beside.to
			}
		}
	}
	c.strays.told(parent, beside, len(keys))
	if n := len(keys); !whole && (n == 0 || keys[n-1].Object.Key < below) {
		return false, nil
	}
	c.peeks.took(dir, len(keys))
	return true, nil
}
