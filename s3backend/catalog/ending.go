package catalog

// ending is why a walker has ended.
type ending int

const (
	unfinished  ending = iota // idle, failed or cancelled
	scopeEnd                  // all of the scope is known
	largeDirs                 // pages complete no directory
	unsupported               // the bucket does not list so
)
