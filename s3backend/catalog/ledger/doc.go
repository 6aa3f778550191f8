// Package ledger keeps answers about names on disk, so that a mount starts with what
// the last one knew. What an answer says is its user's: here it is a kind, a path, the
// wall time of the question, and bytes.
//
// It is a log that is only appended to, with an index in memory from the hash of a key
// to the place of its latest record. That was chosen over bbolt, which maps its file
// (cut short under us, that is SIGBUS), panics on damaged pages and syncs each
// transaction; over Pebble and Badger, whose logs, caches and compactions are more than
// all the rest of this program keeps; and over one file a directory, which costs two
// system calls that a file system logs, and an inode, for each of the 100,000
// directories of a walk, and has no answer for single files.
//
// It promises that what it returns was put for that very key, whole, and neither
// dropped nor refreshed since; that any damage below its directory is an answer that is
// not there; that it takes no more than Config.Limit bytes of disk and maxRecords of
// index; and that nobody waits for a write: records are appended by one goroutine,
// which is behind for a bounded number of bytes and leaves out what is more. A disk
// that fails, fills or hangs ends it for the session, with one line in the log.
//
// It never follows a symbolic link (see [Dir]), never syncs but for a refresh, and reads
// at its start the records' heads only.
package ledger
