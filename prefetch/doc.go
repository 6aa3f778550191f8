// Package prefetch reads ahead of sequential readers.
//
// There is one [Reader] an open file. It looks at where reads fall (a pure
// detector: streams, windows, ramp), asks the [Crew] for what is missing, and
// answers from blockcache. The crew is a fixed number of connections: demand
// comes before guesses, a quarter of the connections is kept for demand, and
// files share the rest fairly.
//
// It promises that no block is fetched twice at once, that goroutines,
// connections and bytes are bounded, and that guesses end when the reader seeks
// away or closes. A guess that fails never fails a read.
//
// It knows neither FUSE (package fusefs, on the left) nor HTTP.
package prefetch
