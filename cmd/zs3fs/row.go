package main

import (
	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/fusefs"
	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/catalog/ledger"
)

// snapshot is what the rows are taken from, all at one time.
type snapshot struct {
	cache  blockcache.Stats
	crew   prefetch.Stats
	bucket s3backend.Stats
	files  prefetch.FilesStats
	kernel fusefs.Stats
	names  catalog.Stats
	ledger ledger.Stats
	onDisk int64
	hidden int
	zfs    surveyed

	passthrough passthroughStatus
}

// row is one figure: a metric zs3fs_<name>, a value in the status, a line of its
// page. Names ending in _total only grow; those with _bytes are bytes.
type row struct {
	name, help string
	value      func(s *snapshot) int64
}

// rows are all figures. Whoever adds one here has added it everywhere.
func rows() []row {
	return []row{
		{"cache_present_bytes", "bytes of objects in the cache", func(s *snapshot) int64 { return s.cache.DiskBytes }},
		{"cache_budget_bytes", "limit of the bytes in the cache", func(s *snapshot) int64 { return s.cache.Budget }},
		{"cache_disk_bytes", "taken on disk by the cache's dataset, 0 elsewhere than on ZFS", func(s *snapshot) int64 { return s.onDisk }},
		{"cache_snapshot_bytes", "held on disk by snapshots alone", func(s *snapshot) int64 { return s.zfs.Usage.UsedBySnapshots }},
		{"cache_pinned_bytes", "bytes in the cache that are never evicted", func(s *snapshot) int64 { return s.cache.PinnedBytes }},
		{"cache_pinned_versions", "versions that are never evicted", func(s *snapshot) int64 { return s.cache.Pinned }},
		{"cache_disk_hit_bytes_total", "bytes answered from the cache's disk, by the daemon", func(s *snapshot) int64 { return s.cache.DiskHits }},
		{"cache_memory_hit_bytes_total", "bytes answered from memory, on their way or still held", func(s *snapshot) int64 { return s.cache.MemoryHits }},
		{"cache_written_bytes_total", "bytes written to the cache", func(s *snapshot) int64 { return s.cache.Written }},
		{"cache_dropped_blocks_total", "blocks not cached because the queue or the disk was full", func(s *snapshot) int64 { return s.cache.Dropped }},
		{"cache_evicted_blocks_total", "blocks evicted", func(s *snapshot) int64 { return s.cache.Evicted }},
		{"cache_mismatched_blocks_total", "cached blocks that were damaged, and dropped", func(s *snapshot) int64 { return s.cache.Mismatches }},
		{"cache_healed_blocks_total", "damaged blocks that are whole again", func(s *snapshot) int64 { return s.cache.Healed }},
		{"cache_write_errors_total", "failed writes to the cache's disk", func(s *snapshot) int64 { return s.cache.WriteErrors }},
		{"cache_read_errors_total", "failed reads of the cache's disk", func(s *snapshot) int64 { return s.cache.ReadErrors }},
		{"cache_sealed_versions_total", "versions that became complete and verified", func(s *snapshot) int64 { return s.cache.Sealed }},
		{"cache_proved_versions_total", "of these, have the checksum that S3 keeps", func(s *snapshot) int64 { return s.cache.Proved }},
		{"cache_unproved_versions_total", "of these, have no checksum to compare with", func(s *snapshot) int64 { return s.cache.Unprovable }},
		{"cache_disproved_versions_total", "versions dropped because S3 keeps another checksum", func(s *snapshot) int64 { return s.cache.Disproved }},
		{"source_fetched_bytes_total", "bytes received from S3", func(s *snapshot) int64 { return s.cache.Fetched }},
		{"source_requests_total", "requests for bytes", func(s *snapshot) int64 { return s.cache.Requests }},
		{"source_gets_total", "GETs sent for them, repeated and hedged ones included", func(s *snapshot) int64 { return s.bucket.Gets }},
		{"source_hedges_total", "GETs asked again on another connection because they were late", func(s *snapshot) int64 { return s.bucket.Hedges }},
		{"source_hedges_won_total", "of these, were answered first", func(s *snapshot) int64 { return s.bucket.HedgesWon }},
		{"source_resumed_total", "bodies gone on with on another connection", func(s *snapshot) int64 { return s.bucket.Resumed }},
		{"source_throttled_total", "requests of all kinds that S3 refused as too many", func(s *snapshot) int64 { return s.bucket.Throttled }},
		{"source_away", "1 while S3 cannot be reached", func(s *snapshot) int64 { return boolInt(s.bucket.Away) }},
		{"source_outages_total", "times that S3 could not be reached", func(s *snapshot) int64 { return s.bucket.Outages }},
		{"names_expired_total", "names and listings given although they had expired, while S3 could not be reached", func(s *snapshot) int64 { return s.names.Expired }},
		{"fetch_demands_total", "fetches for a reader that waits", func(s *snapshot) int64 { return s.crew.Demands }},
		{"fetch_refused_total", "reads ahead of the kernel's own, behind what a reader has read, that were not worth a fetch", func(s *snapshot) int64 { return s.crew.Refused }},
		{"fetch_guesses_total", "fetches ahead of a reader", func(s *snapshot) int64 { return s.crew.Guesses }},
		{"fetch_cancelled_total", "fetches ahead that were given up", func(s *snapshot) int64 { return s.crew.Cancelled }},
		{"fetch_failed_total", "fetches ahead that failed", func(s *snapshot) int64 { return s.crew.Failed }},
		{"fetch_panics_total", "fetches that ended in a fault of zs3fs", func(s *snapshot) int64 { return s.crew.Panics }},
		{"fetch_running", "fetches under way", func(s *snapshot) int64 { return s.crew.Running }},
		{"fetch_limit", "most fetches at once", func(s *snapshot) int64 { return s.crew.Limit }},
		{"fetch_streams", "streams that read ahead and share the window, as of now", func(s *snapshot) int64 { return s.crew.Streams }},
		{"fetch_column_chunks", "column chunks of Parquet files whose places are known, as of now", func(s *snapshot) int64 { return s.crew.ColumnChunks }},
		{"fetch_guess_limit", "most fetches ahead at once, as of now", func(s *snapshot) int64 { return s.crew.GuessLimit }},
		{"fetch_queued", "fetches that wait for a connection", func(s *snapshot) int64 { return s.crew.Queued }},
		{"files_guessed_total", "files fetched ahead of a reader who goes through their directory, or those beside it; of large ones what is read first", func(s *snapshot) int64 { return s.files.Guessed }},
		{"files_useful_total", "of these, were opened", func(s *snapshot) int64 { return s.files.Useful }},
		{"files_wasted_total", "of these, were not opened in time", func(s *snapshot) int64 { return s.files.Wasted }},
		{"files_failed_total", "of these, could not be fetched", func(s *snapshot) int64 { return s.files.Failed }},
		{"files_ahead", "of these, wait to be opened", func(s *snapshot) int64 { return s.files.Ahead }},
		{"files_ahead_bytes", "the sum of their sizes, or of what is fetched of large ones", func(s *snapshot) int64 { return s.files.AheadBytes }},
		{"hidden_keys", "keys that are not shown, in the directories listed so far", func(s *snapshot) int64 { return int64(s.hidden) }},
		{"list_ahead_requests_total", "pages listed ahead of a program that walks through directories", func(s *snapshot) int64 { return s.names.AheadRequests }},
		{"list_ahead_useful_total", "of these, told of a directory that it came to", func(s *snapshot) int64 { return s.names.AheadUseful }},
		{"list_ahead_wasted_total", "of these, told of none", func(s *snapshot) int64 { return s.names.AheadWasted }},
		{"names_persisted", "1 while attributes and listings are kept on disk for the next mount", func(s *snapshot) int64 { return boolInt(s.ledger.On) }},
		{"names_disk_bytes", "what they take of the disk, beside the cache's bytes", func(s *snapshot) int64 { return s.ledger.Bytes }},
		{"names_disk_records", "answers among them", func(s *snapshot) int64 { return s.ledger.Records }},
		{"names_disk_hits_total", "of these, were given instead of asking S3", func(s *snapshot) int64 { return s.ledger.Found }},
		{"names_disk_damaged_total", "of these, were damaged, and dropped", func(s *snapshot) int64 { return s.ledger.Damaged }},
		{"names_disk_dropped_total", "answers not kept because the queue or the disk was full", func(s *snapshot) int64 { return s.ledger.LeftOut }},
		{"kernel_inodes", "files and directories that the kernel holds in its memory", func(s *snapshot) int64 { return s.kernel.Inodes }},
		{"kernel_opens_total", "opens of files that the kernel reads by itself", func(s *snapshot) int64 { return s.kernel.KernelOpens }},
		{"daemon_opens_total", "opens of files that the daemon reads", func(s *snapshot) int64 { return s.kernel.DaemonOpens }},
		{"daemon_reads_total", "reads that the daemon answered", func(s *snapshot) int64 { return s.kernel.Reads }},
		{"daemon_read_bytes_total", "bytes that the daemon answered with", func(s *snapshot) int64 { return s.kernel.ReadBytes }},
	}
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
