package prefetch

// projection is which columns of a Parquet file are read, and of which row groups. A query
// reads the same of each file of a table.
type projection struct {
	ages []int64 // by column: how many row groups ago it was read; negative for never, or long ago
	rows rows
}
