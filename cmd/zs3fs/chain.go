package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/asof"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/catalog/ledger"
)

// chain is the read path below the mount, built from right to left.
type chain struct {
	client  *s3backend.Client
	bucket  s3backend.Bucket // what is shown: the client, or its past
	late    *lateStart       // of a lazy mount; else nil
	memory  *blockcache.Memory
	cache   *blockcache.Cache
	crew    *prefetch.Crew
	files   *prefetch.Files
	names   *ledger.Ledger // nil where names are not kept
	catalog *catalog.Catalog
	root    rootNames
	budget  int64
	dataset string // that the cache lies on; empty elsewhere than on ZFS
	survey  *survey
	closers []func() error
}

// build makes the chain. After an error nothing is left of it.
func build(ctx context.Context, o *Options, log *slog.Logger) (*chain, error) {
	c := &chain{}
	if err := c.open(ctx, o, log); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func (c *chain) open(ctx context.Context, o *Options, log *slog.Logger) (err error) {
	if err = c.openBucket(ctx, o, log); err != nil {
		return err
	}
	c.memory = blockcache.NewMemory(blockMemory(o.Read.Memory), o.Cache.BlockSize)
	limitGoMemory(c.memory.Limit() + o.Tree.Memory)
	if err = c.openCache(ctx, o, log); err != nil {
		return err
	}
	c.crew = prefetch.New(prefetch.Config{
		Cache: c.cache, Source: c.client, Memory: c.memory,
		Throttled:   func() int64 { return c.client.Stats().Throttled },
		Connections: o.Read.Connections, RequestSize: o.Read.request(c.memory.Limit(), o.Cache.BlockSize), MaxWindow: o.Read.window(c.memory.Limit()),
		Stride: o.Mount.stride(), Logger: log,
	})
	c.closers = append(c.closers, c.crew.Close)
	c.files = prefetch.NewFiles(c.crew, int(o.Read.Files))
	c.closers = append(c.closers, c.files.Close)
	c.openLedger(o, log)
	c.catalog, err = catalog.New(catalog.Config{
		Bucket: c.bucket, Prefix: o.Source.Prefix, Unordered: c.client.Unordered(),
		TTL: o.Tree.ttl(), NegativeTTL: o.Tree.NegativeTTL,
		OfflineOK:         o.Tree.OfflineOK,
		RevalidateOnOpen:  o.Tree.Consistency.value == "open",
		ListAhead:         o.Tree.ListAhead.value == "on",
		Escape:            o.Tree.escape(),
		HideFolderMarkers: o.Tree.HideFolderMarkers, NameMax: o.Tree.NameMax, Memory: o.Tree.Memory, Ledger: c.names, Logger: log,
	})
	if err != nil {
		return err
	}
	c.closers = append(c.closers, c.catalog.Close)
	if c.late == nil {
		c.tell()
	}
	return nil
}

// rootPage is how many names below the prefix a mount asks for: what a server gives at
// once. It asks in any case, and a page takes no longer than a key.
const rootPage = 1000

// rootNames are those that lie directly below the prefix, as the check of the bucket
// has them: all, or none if they are more than a page or nobody wants to keep them.
type rootNames struct {
	all   []s3backend.Entry
	asked time.Time
}

// tell hands the root's names to the catalog.
func (c *chain) tell() {
	c.catalog.Told(c.root.all, c.root.asked)
	c.root = rootNames{}
}

// newClient makes the client of the source's bucket; it asks for nothing yet.
func newClient(ctx context.Context, o *Options, log *slog.Logger) (*s3backend.Client, error) {
	options := o.S3
	options.Bucket, options.Connections, options.Logger, options.Lazy = o.Source.Bucket, o.Read.Connections, log, o.Mount.LazyConnect
	return s3backend.New(ctx, options)
}

// openBucket makes the client and asks for the bucket once, unless the mount is lazy.
func (c *chain) openBucket(ctx context.Context, o *Options, log *slog.Logger) (err error) {
	if c.client, err = newClient(ctx, o, log); err != nil {
		return s3Error(err, o, nil)
	}
	c.closers = append(c.closers, c.client.Close)
	shown := latePager(c.client)
	if !o.AsOf.IsZero() {
		shown = asof.New(c.client, o.AsOf.Time)
	}
	check := func(ctx context.Context) (err error) {
		c.root, err = checkBucket(ctx, o, c.client, shown, log)
		return err
	}
	if o.Mount.LazyConnect {
		c.late = newLateStart(func(ctx context.Context) error {
			err := check(ctx)
			if err == nil {
				c.tell()
			}
			return err
		}, log)
		c.bucket = c.late.before(shown)
		return nil
	}
	c.bucket = shown
	return retry(ctx, func() (again bool, err error) {
		err = check(s3backend.Insist(ctx))
		// At boot the network may come later than its target, and an automount's
		// reader would rather wait.
		return o.Helper && codeOf(err) == Unreachable, err
	})
}

// checkBucket asks whether the bucket can be shown. A lazy mount does at its first use.
func checkBucket(ctx context.Context, o *Options, client *s3backend.Client, shown s3backend.Bucket, log *slog.Logger) (root rootNames, err error) {
	limit := 1
	if o.AsOf.IsZero() && o.Tree.ListAhead.value == "on" && o.Tree.ttl() != 0 {
		limit = rootPage
	}
	root.asked = time.Now()
	first, whole, err := client.Probe(ctx, o.Source.Prefix, limit)
	if whole && len(first) <= limit {
		root.all = first
	}
	empty := len(first) == 0
	if err == nil && !o.AsOf.IsZero() {
		if err := checkVersions(ctx, o, client, log); err != nil {
			return root, err
		}
		empty = true
		for _, err = range shown.List(ctx, o.Source.Prefix, 1) {
			empty = false
		}
	}
	switch {
	case err != nil:
		return root, s3Error(err, o, client)
	case empty && o.Source.Prefix != "" && o.Tree.RequirePrefix:
		return root, fail(EmptyPrefix, "nothing lies below %s (--require-prefix)", o.Source)
	case empty && o.Source.Prefix != "":
		log.Warn("nothing lies below the prefix", "source", o.Source.String())
	}
	return root, nil
}

// openCache waits for a cache whose last daemon has lost its mount and is about
// to end, as after umount and mount in one line; one that is mounted is an error.
func (c *chain) openCache(ctx context.Context, o *Options, log *slog.Logger) (err error) {
	v, err := volumeOf(o.Cache.Dir)
	if err != nil {
		return cacheError(err, o.Cache.Dir)
	}
	if err = o.Cache.checkVolume(v); err != nil {
		return err
	}
	c.budget = o.Cache.Size.of(v.size)
	config := blockcache.Config{
		Dir: o.Cache.Dir,
		Namespace: blockcache.Namespace{
			Endpoint: c.client.Endpoint(), Bucket: o.Source.Bucket, Prefix: o.Source.Prefix, KeyID: c.client.KeyID(),
		},
		Verify: o.Cache.verify(), Prover: c.client,
		BlockSize: o.Cache.BlockSize, Budget: c.budget, MinFree: o.Cache.MinFree.of(v.size),
		// The rest is for what is on its way: a slow disk must not stop the fetching.
		WriteQueue: c.memory.Limit() / 2,
		Memory:     c.memory, Owner: o.Dir, Logger: log,
	}
	err = retry(ctx, func() (again bool, err error) {
		c.cache, err = blockcache.Open(config)
		var locked *blockcache.LockedError
		if errors.As(err, &locked) {
			top, _ := mountAt(locked.Owner)
			again = top == nil || top.FSType != fsType
		}
		return again, err
	})
	if err != nil {
		return cacheError(err, o.Cache.Dir)
	}
	c.closers = append(c.closers, c.cache.Close)
	c.followVolume(o, v, log)
	return nil
}

// verify is --cache-verify.
func (c *cacheOptions) verify() blockcache.Verify {
	switch c.Verify.value {
	case "always":
		return blockcache.VerifyAlways
	case "never":
		return blockcache.VerifyNever
	}
	return blockcache.VerifyAuto
}

// Close takes the chain down from left to right.
func (c *chain) Close() error {
	var errs []error
	for i := len(c.closers) - 1; i >= 0; i-- {
		errs = append(errs, c.closers[i]())
	}
	c.closers = nil
	return errors.Join(errs...)
}
