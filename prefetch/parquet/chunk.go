package parquet

// Chunk is one column of one row group: bytes [Off, End) of the file.
type Chunk struct {
	Off, End int64
	// Group and Column count from 0, in the footer's order; a nested column has one
	// number a leaf.
	Group, Column int32
}
