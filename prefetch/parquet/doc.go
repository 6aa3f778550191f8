// Package parquet reads from the footer of a Parquet file where its column chunks lie.
//
// It does no I/O and knows nothing else of the format: a footer is Thrift's compact
// protocol, of which Apache's own library decodes the few fields that say where a chunk
// begins and how long it is, and skips the others. A footer is foreign input: what
// it says is checked against the file's size, and its own size bounds the work.
package parquet
