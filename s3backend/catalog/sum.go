package catalog

import (
	"hash/maphash"
)

// sum adds up the nodes of a listing, in their order.
type sum struct{ maphash.Hash }

func (s *sum) add(n Node) {
	s.WriteString(n.Name)
	s.WriteByte(0)
	s.WriteString(n.Object.ETag)
	s.WriteByte(byte(kindOrder(n)))
}

func kindOrder(n Node) int {
	if n.Dir {
		return 0
	}
	return 1
}
