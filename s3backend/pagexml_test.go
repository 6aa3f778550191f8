package s3backend

import (
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// aPage is a document with all that parsePage has to know.
func aPage(keys, dirs int) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>` +
		`<Prefix>a%2Bb/</Prefix><StartAfter/><NextContinuationToken>x+/=&amp;</NextContinuationToken><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>`)
	for i := range keys {
		fmt.Fprintf(&b, "\n  <Contents><Key>a%%2Bb/%d+%%C3%%A9</Key><LastModified>2024-02-29T01:02:%02d.000Z</LastModified>"+
			"<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e-%d&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"+
			"<Owner><ID>75aa</ID><DisplayName></DisplayName></Owner><Size>%d</Size><StorageClass>%s</StorageClass></Contents>",
			i, i%60, i+1, i*1000, []string{"STANDARD", "GLACIER"}[i%2])
	}
	for i := range dirs {
		fmt.Fprintf(&b, "<CommonPrefixes><Prefix>a%%2Bb/d%d/</Prefix></CommonPrefixes>", i)
	}
	b.WriteString("</ListBucketResult>\n")
	return b.String()
}

// judged is what encoding/xml takes from a page.
type judged struct {
	Prefix, NextContinuationToken *string
	EncodingType                  string
	IsTruncated                   *bool
	Contents                      []struct {
		Key, ETag, StorageClass *string
		Size                    *int64
		LastModified            *time.Time
	}
	CommonPrefixes []struct{ Prefix *string }
}

func text[T any](p *T) string {
	if p == nil {
		return "none"
	}
	return fmt.Sprintf("%v", *p)
}

func (j judged) String() string {
	s := fmt.Sprintln(text(j.Prefix), text(j.NextContinuationToken), j.EncodingType, text(j.IsTruncated))
	for _, o := range j.Contents {
		class := ""
		if o.StorageClass != nil {
			class = *o.StorageClass
		}
		s += fmt.Sprintln(text(o.Key), text(o.ETag), class, text(o.Size), text(o.LastModified))
	}
	for _, c := range j.CommonPrefixes {
		s += fmt.Sprintln(text(c.Prefix))
	}
	return s
}

func parsedText(out *s3.ListObjectsV2Output) string {
	s := fmt.Sprintln(text(out.Prefix), text(out.NextContinuationToken), string(out.EncodingType), text(out.IsTruncated))
	for _, o := range out.Contents {
		s += fmt.Sprintln(text(o.Key), text(o.ETag), string(o.StorageClass), text(o.Size), text(o.LastModified))
	}
	for _, c := range out.CommonPrefixes {
		s += fmt.Sprintln(text(c.Prefix))
	}
	return s
}

// What parsePage takes it takes as encoding/xml does, damaged documents included.
func TestParsePage(t *testing.T) {
	whole := aPage(3, 2)
	if _, ok := parsePage([]byte(whole)); !ok {
		t.Fatal("S3's own form is not known")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	bits := []string{"<", ">", "/", "&", "&quot;", "]]>", "<Key>", "</Key>", "<Key/>", "<x>", "<!-- -->", "<key>", "\r", "\x00", "é", "\xff", " ", "<Contents>", "</Contents>", "true", "-1", "Z"}
	taken := 0
	for range 30_000 {
		doc := []byte(whole)
		for range 1 + rng.IntN(2) {
			at, n := rng.IntN(len(doc)), rng.IntN(3)
			doc = slices.Concat(doc[:at], []byte(bits[rng.IntN(len(bits))]), doc[min(at+n, len(doc)):])
		}
		out, ok := parsePage(doc)
		if !ok {
			continue
		}
		taken++
		var want judged
		if err := xml.Unmarshal(doc, &want); err != nil {
			t.Fatalf("%v in a page that was taken:\n%s", err, doc)
		}
		if got := parsedText(out); got != want.String() {
			t.Fatalf("got\n%swant\n%sof\n%s", got, want, doc)
		}
	}
	if taken < 500 {
		t.Errorf("only %d of the damaged pages were taken: the test says little", taken)
	}
}

// What is written otherwise is left to the SDK.
func TestParsePageLeavesOthers(t *testing.T) {
	whole := aPage(1, 1)
	for what, doc := range map[string]string{
		"empty":         "",
		"cut":           whole[:len(whole)-30],
		"an error":      `<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code></Error>`,
		"no escapes":    strings.Replace(whole, "a%2Bb", "é", 1),
		"other case":    strings.Replace(whole, "<Key>", "<key>", 1),
		"attributes":    strings.Replace(whole, "<Key>", `<Key a="b">`, 1),
		"a comment":     strings.Replace(whole, "<Key>", "<!-- --><Key>", 1),
		"another root":  strings.ReplaceAll(whole, "ListBucketResult", "ListResult"),
		"deep":          strings.Replace(whole, "<Name>bucket</Name>", strings.Repeat("<a>", 100)+strings.Repeat("</a>", 100), 1),
		"two documents": whole + whole,
	} {
		if _, ok := parsePage([]byte(doc)); ok {
			t.Errorf("%s: taken", what)
		}
	}
}

func BenchmarkParsePage(b *testing.B) {
	doc := []byte(aPage(1000, 0))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := parsePage(doc); !ok {
			b.Fatal("not known")
		}
	}
}
