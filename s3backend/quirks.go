package s3backend

import (
	"log/slog"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// quirks are ways in which a server was seen to list otherwise than S3. Each is
// worked around wherever it shows; this says so once each.
type quirks struct {
	maxKeys, startAfter, encoding atomic.Bool
}

func (q *quirks) note(log *slog.Logger, seen *atomic.Bool, what, effect string) {
	if !seen.Load() && !seen.Swap(true) {
		log.Warn("the server lists otherwise than S3", "it", what, "effect", effect)
	}
}

// look compares a page with what was asked.
func (q *quirks) look(log *slog.Logger, in *s3.ListObjectsV2Input, out *s3.ListObjectsV2Output) {
	if n := len(out.Contents) + len(out.CommonPrefixes); n > int(*in.MaxKeys) {
		q.note(log, &q.maxKeys, "ignores max-keys", "lookups transfer whole pages")
	}
	if out.EncodingType != types.EncodingTypeUrl && len(out.Contents) > 0 {
		q.note(log, &q.encoding, "ignores encoding-type", "names with control characters may be missing or fail their directory")
	}
}

// lookAfter is told how many entries of a page were not after the key asked for.
func (q *quirks) lookAfter(log *slog.Logger, ignored int) {
	if ignored > 0 {
		q.note(log, &q.startAfter, "ignores start-after", "large directories are listed one page after another")
	}
}
