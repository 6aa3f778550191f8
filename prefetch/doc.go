// Package prefetch reads ahead of sequential readers.
//
// There is one [Reader] an open file. It looks at where reads fall (a pure
// detector: streams, windows, strides, known to all readers of one version), asks
// the [Crew] for what is missing, and answers from blockcache. The crew is a bounded
// number of connections: demand
// comes before guesses, a quarter of the connections is kept for demand, and
// files share the rest fairly (a pure queue), as many of it as the path rewards and
// the server does not refuse (a pure width), and no more bytes of guesses are on
// their way than the window holds.
//
// Once the footer of a Parquet file has been read, it is known where the file's column
// chunks lie: a chunk is fetched to its end and no further, and after it the next ones of the
// columns that are read.
//
// [Files] does for directories what a reader does for its file: a second detector
// sees which files are opened, by their places in the listing, and the next small
// ones are fetched ahead, each held open until its reader comes. One reader is
// followed by what he opens (a trail), workers who have a batch of files each by the
// stretches that all have opened (lanes). A third one sees files opened in the order of
// their paths, over small directories too, or of large ones in any that its caller knows (a
// sequence): those of a table, of which the
// ends of the large ones are fetched ahead, and what a query reads of the others of
// their schema.
//
// It promises that no block is fetched twice at once, that goroutines,
// connections and bytes are bounded, and that guesses end when the last reader who
// needs them seeks away or closes. A guess that fails never fails a read. A read that waits holds
// no buffer, so readers cannot wait for each other.
//
// The way of a read: [Reader.Read] shows it to the detector, queues the guesses,
// and gathers the bytes piece by piece from blockcache; a miss becomes a demand
// job for all that is missing at once. The crew gives a job a connection, claims
// its blocks only then, and runs the flight under its own context. What the kernel alone
// seems to read, a stride behind where readers end, is not fetched ([ErrUnneeded]).
//
// It knows neither FUSE (package fusefs, on the left) nor HTTP.
package prefetch
