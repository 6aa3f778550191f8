package main

// object is a part of a prepared file under a key.
type object struct {
	Key  string
	File string
	Off  int64
	Size int64
}
