package crc64

// Polynomials over GF(2) modulo the CRC's, P, are written as the CRC writes them:
// reflected, the coefficient of x^0 in the highest bit. Appending n bytes of zeros
// multiplies a CRC's remainder by x^(8n) mod P.
const (
	poly = 0x9a6c9329ac4bc9b5 // P without x^64
	one  = 1 << 63            // x^0
)

// timesX returns a*x mod P.
func timesX(a uint64) uint64 {
	// -(a&1) is all ones when x^63 becomes x^64 and has to be reduced.
	return a>>1 ^ poly&-(a&1)
}

// mul returns a*b mod P.
func mul(a, b uint64) uint64 {
	var p uint64
	for ; a != 0; a <<= 1 {
		p ^= b & -(a >> 63)
		b = timesX(b)
	}
	return p
}

// powers holds x^(8*2^i) mod P: what 2^i bytes of zeros do.
type powers [63]uint64

// newPowers squares x^8 again and again.
func newPowers() *powers {
	var t powers
	t[0] = one >> 8
	for i := 1; i < len(t); i++ {
		t[i] = mul(t[i-1], t[i-1])
	}
	return &t
}

// bytes returns x^(8n) mod P, n >= 0.
func (t *powers) bytes(n int64) uint64 {
	p := uint64(one)
	for i := 0; n > 0; i, n = i+1, n>>1 {
		if n&1 != 0 {
			p = mul(p, t[i])
		}
	}
	return p
}
