package s3test

// Coded is a Content of size bytes in which every aligned 16 bytes say which
// seed, version and offset they belong to: a pure function of the three, so that
// a reader can check any range with no copy of it.
func Coded(seed, version uint32, size int64) Content { panic("not built yet") }

// CheckCoded compares p, read at off, with Coded(seed, version, ...), and returns
// an error that names the first wrong byte and what stands there instead: zeros,
// another offset, another version, another seed.
func CheckCoded(p []byte, off int64, seed, version uint32) error { panic("not built yet") }
