package prefetch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// stage is what a program needs to read through the cache: at most 64 MiB of
// memory and 16 connections, however many objects it reads at once. A real program
// sets the crew's Throttled too, from the Stats of its s3backend.Client: then it reads
// less ahead while S3 refuses requests.
type stage struct {
	dir   string
	cache *blockcache.Cache
	crew  *prefetch.Crew
}

// newStage reads a bucket. Where a directory is kept, space is what tells its blocks from
// those of other buckets, endpoints and keys.
func newStage(bucket blockcache.Source, space blockcache.Namespace) (*stage, error) {
	const block = 1 << 20
	dir, err := os.MkdirTemp("", "example-") // a program keeps its cache
	if err != nil {
		return nil, err
	}
	memory := blockcache.NewMemory(64*block, block)
	cache, err := blockcache.Open(blockcache.Config{
		Dir: dir, Namespace: space, BlockSize: block, Budget: 1 << 30, WriteQueue: 32 * block, Memory: memory,
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	crew := prefetch.New(prefetch.Config{
		Cache: cache, Source: bucket, Memory: memory, Connections: 16, RequestSize: 8 * block, MaxWindow: 48 * block,
	})
	return &stage{dir, cache, crew}, nil
}

func (s *stage) Close() error {
	return errors.Join(s.crew.Close(), s.cache.Close(), os.RemoveAll(s.dir))
}

// totals sums the amounts of an object's lines "currency,amount" by currency. Blocks
// end anywhere; the line that goes on in the next one is kept. The last one may end
// without a newline.
func (s *stage) totals(ctx context.Context, obj s3backend.Object) (map[string]int, error) {
	r := s.crew.Open(obj)
	defer r.Close()
	sums := map[string]int{}
	var rest []byte
	for b, err := range r.Blocks(ctx) {
		if err != nil {
			return nil, err
		}
		for data := b.Data; len(data) > 0; {
			line, after, whole := bytes.Cut(data, []byte("\n"))
			rest, data = append(rest, line...), after
			if !whole {
				break
			}
			if err := add(sums, rest); err != nil {
				return nil, err
			}
			rest = rest[:0]
		}
	}
	if len(rest) == 0 {
		return sums, nil
	}
	return sums, add(sums, rest)
}

// add counts one line.
func add(sums map[string]int, line []byte) error {
	currency, amount, _ := bytes.Cut(line, []byte(","))
	n, err := strconv.Atoi(string(amount))
	sums[string(currency)] += n
	return err
}

// orders makes n lines, the last one without an end.
func orders(n int) s3test.Content {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%s,%d\n", []string{"EUR", "JPY", "USD"}[i%3], i)
	}
	return s3test.Bytes(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// An ELT stage: it takes a block, works on it, and takes the next, while the crew
// fetches ahead of it. s3backend.New gives the bucket of a real program.
func ExampleReader_Blocks() {
	bucket := s3test.NewMem()
	obj := bucket.Put("orders.csv", orders(500_000))
	s, err := newStage(bucket, blockcache.Namespace{Bucket: "orders"})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	sums, err := s.totals(context.Background(), obj)
	if err != nil {
		log.Fatal(err)
	}
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		fmt.Println(currency, sums[currency])
	}
	// Output:
	// EUR 41666583333
	// JPY 41666750000
	// USD 41666416667
}

// Many objects, four at a time. Who takes the results sets the pace: as long as it
// takes none, the four wait with theirs, no other object is opened, and nothing is
// fetched beyond their windows.
func ExampleCrew_Open() {
	bucket := s3test.NewMem()
	var objects []s3backend.Object
	for i := range 20 {
		objects = append(objects, bucket.Put(fmt.Sprintf("orders/%02d.csv", i), orders(10_000*(i+1))))
	}
	s, err := newStage(bucket, blockcache.Namespace{Bucket: "orders"})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	results := make(chan map[string]int)
	group, ctx := errgroup.WithContext(context.Background())
	group.SetLimit(1 + 4)
	group.Go(func() error {
		sums := map[string]int{}
		for range objects {
			select {
			case one := <-results:
				for currency, n := range one {
					sums[currency] += n
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		fmt.Println(sums)
		return nil
	})
	for _, obj := range objects {
		group.Go(func() error { // waits until less than four are read
			sums, err := s.totals(ctx, obj)
			if err != nil {
				return err
			}
			select {
			case results <- sums:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
	if err := group.Wait(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// map[EUR:47833006662 JPY:47833006669 USD:47832936669]
}
