package main

import (
	"errors"
	"log/slog"

	"github.com/zs3fs/zs3fs/blockcache/zfs"
)

// findDataset puts the mount point of --zfs-dataset in the place of --cache-dir. A
// dataset that is not mounted would otherwise fill the file system below.
func (c *cacheOptions) findDataset() error {
	if c.Dataset == "" {
		return nil
	}
	dir, err := zfs.Resolve(c.Dataset)
	switch {
	case errors.Is(err, zfs.ErrNotMounted):
		return fail(DatasetAway, "--zfs-dataset: %v: run: zfs mount %s", err, c.Dataset)
	case errors.Is(err, zfs.ErrNoDataset):
		return fail(NoDataset, "--zfs-dataset: %v: run: zs3fs zfs create %s", err, c.Dataset)
	case err != nil:
		return fail(codeOf(zfsError(err)), "--zfs-dataset: %v", err)
	}
	c.Dir = dir
	return nil
}

// checkVolume refuses a file system that the cache must not be on.
func (c *cacheOptions) checkVolume(v volume) error {
	switch {
	case (c.RequireZFS || c.Dataset != "") && !v.zfs:
		return fail(NotZFS, "the cache directory %s does not lie on ZFS (--cache-require-zfs): is its dataset mounted?", c.Dir)
	case v.size == 0 && c.Size.Percent > 0:
		return fail(CacheUnwritable, "the file system of the cache directory %s does not tell its size: say --cache-size=10GiB, or give another --cache-dir", c.Dir)
	}
	return nil
}

// followVolume starts what looks after the cache's file system while mounted.
func (c *chain) followVolume(o *Options, v volume, log *slog.Logger) {
	if v.zfs {
		c.recognize(o, v, log)
	}
	if o.Cache.Size.Percent > 0 || o.Cache.MinFree.Percent > 0 {
		l := followLimits(&o.Cache, v.size, c.cache.SetBudget, log)
		c.closers = append(c.closers, l.Close)
	}
}

// recognize names the dataset and has it looked at in the background, where the
// programs are there to ask.
func (c *chain) recognize(o *Options, v volume, log *slog.Logger) {
	table, err := zfs.Mounts()
	if err == nil {
		c.dataset, err = table.Dataset(o.Cache.Dir)
	}
	if err != nil || c.dataset == "" {
		log.Warn("cannot name the cache's dataset", "dir", o.Cache.Dir, "error", err)
		return
	}
	if v.record != o.Cache.BlockSize {
		log.Warn("the dataset's record size is not the cache's block size: blocks are written in parts, and eviction frees less",
			"dataset", c.dataset, "recordsize", v.record, "block-size", o.Cache.BlockSize, "run", "zs3fs zfs check "+c.dataset)
	}
	tools, err := zfs.Find()
	if err != nil {
		log.Debug("the dataset's properties are not checked", "dataset", c.dataset, "error", err)
		return
	}
	c.survey = startSurvey(c.dataset, o.Cache.BlockSize, tools, log)
	watched := watchDiskErrors(c.dataset, tools, c.cache.Distrust, log)
	c.closers = append(c.closers, c.survey.Close, watched.Close)
}
