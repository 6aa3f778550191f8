package catalog

// rules are what the mapping of one directory depends on.
type rules struct {
	names             escaping
	nameMax           int
	hideFolderMarkers bool
	// root says that the prefix's own key is out of scope.
	root bool
}
