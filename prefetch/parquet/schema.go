package parquet

// Schema names a schema: a part of the SHA-256 of its encoding. It is the same for files
// of the same columns in the same order, by one kind of writer.
type Schema [16]byte
