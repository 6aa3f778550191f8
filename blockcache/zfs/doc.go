// Package zfs knows what a dataset must be like to hold the cache: it makes one,
// finds out what is wrong with one, and finds datasets in the mount table.
//
// The mount table answers without the programs zfs(8) and zpool(8), so that a
// mount needs neither; all else goes through them, by way of a library. The
// functions that run them may take as long as a busy pool takes, a minute at
// most unless the kernel itself hangs: never call them where a reader waits.
//
// A side room of the read path: it imports nothing of it, and only the command
// imports it.
package zfs
