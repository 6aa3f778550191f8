package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// Names that are legal in S3 and in a file system, and that programs trip over.
var awkwardNames = []string{
	"a file.txt", "new\nline.txt", "tab\there.txt", " leading and trailing ", "per%20cent%2F.txt", "plus+and&.txt",
	"'single' \"double\".txt", "star*question?.txt", "back\\slash.txt", "-dash.txt", "#hash;semi.txt", "...", ".hidden",
	"caf\u00e9.txt", "cafe\u0301.txt", "elephant \U0001f418.txt", "latin1-\xe9.txt", "{brace}[bracket]<angle>", "$HOME.txt",
	strings.Repeat("long", 60) + ".txt",
}

const (
	bigFiles  = 4
	treeFiles = 240
)

// file is an object and what its bytes must hash to.
type file struct {
	key     string
	content s3test.Content
	sha256  string
}

// makeFiles lays out size bytes: an eighth in a file for two readers, a tree of
// small files, and the rest in four big ones. The first are the big ones.
func makeFiles(size int64) []file {
	var files []file
	var used int64
	add := func(key string, size int64) {
		files = append(files, file{key: key, content: s3test.Coded(uint32(len(files)+1), 1, size)})
		used += size
	}
	for i, name := range awkwardNames {
		add("awkward names/"+name, int64(100*i))
	}
	// 0 bytes to twice the mean, in steps: sizes no block ends at.
	mean := min(size/16, 32<<20) / treeFiles
	for i := range int64(treeFiles) {
		add(fmt.Sprintf("tree/year=%d/month=%02d/part-%03d.csv", 2024+i/120, 1+i/10%12, i), 2*mean*i/treeFiles)
	}
	add("shared.bin", size/8)
	rest := (size - used) / bigFiles
	for i := range bigFiles {
		add(fmt.Sprintf("big/part-%d.bin", i), rest)
	}
	return files
}

// hash computes the sums of all files, two at a time.
func hash(ctx context.Context, files []file, progress func(int64)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for i := range files {
		f := &files[i]
		g.Go(func() error {
			h := sha256.New()
			r := io.NewSectionReader(f.content, 0, f.content.Size())
			for {
				if err := ctx.Err(); err != nil {
					return err
				}
				n, err := io.CopyN(h, r, 4<<20)
				progress(n)
				if err == io.EOF {
					break
				}
				if err != nil {
					return err
				}
			}
			f.sha256 = hex.EncodeToString(h.Sum(nil))
			return nil
		})
	}
	return g.Wait()
}

// below returns the files whose keys start with prefix, and their bytes.
func below(files []file, prefix string) (found []file, size int64) {
	for _, f := range files {
		if strings.HasPrefix(f.key, prefix) {
			found = append(found, f)
			size += f.content.Size()
		}
	}
	return found, size
}
