package fusefs

// What the tests look at directly: the pure parts.
var (
	ErrnoOf      = errnoOf
	InoOf        = inoOf
	GenerationOf = generationOf
	KernelTTL    = kernelTTL
)
