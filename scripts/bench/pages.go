package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// pagesJob tells a process of its own whose bare pages to ask for.
type pagesJob struct {
	URL, CA string
	Prefix  string
}

// pages measures the pages of a LIST without delimiter, one after another: what a
// client that keeps no names and splits nothing needs for a directory. They are
// measured once a run, for all patterns of the directory.
func (r *runner) pages(ctx context.Context, p profile, dir string) (s sample, err error) {
	k := key{p.Name, dir, bareName}
	if known, ok := r.bares[k]; ok {
		return known, nil
	}
	j := pagesJob{URL: r.namesServer.url(p), Prefix: dir + "/"}
	if p.TLS {
		j.CA = r.namesServer.ca
	}
	if err := r.namesServer.reset(); err != nil {
		return s, err
	}
	answer, state, err := child(ctx, "pages", j)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(answer, &s.outcome); err != nil {
		return s, err
	}
	s.cpu, s.peak = state.UserTime()+state.SystemTime(), s.Peak
	if s.Counts, err = r.namesServer.counts(); err == nil {
		r.bares[k] = s
	}
	return s, err
}

// pagesMain is that process.
func pagesMain() error {
	var j pagesJob
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return err
	}
	client, err := bareJob{CA: j.CA}.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	o, start := outcome{}, time.Now()
	for token, more := "", true; more; o.Ops++ {
		if token, more, err = j.page(client, token); err != nil {
			return err
		}
	}
	o.Seconds = time.Since(start).Seconds()
	o.P50, o.Peak = 1000*o.Seconds, peakOf(os.Getpid())
	return json.NewEncoder(os.Stdout).Encode(o)
}

// page asks for a page, and looks only for where the next begins.
func (j pagesJob) page(client *http.Client, token string) (next string, more bool, err error) {
	q := url.Values{"list-type": {"2"}, "prefix": {j.Prefix}, "encoding-type": {"url"}}
	if token != "" {
		q.Set("continuation-token", token)
	}
	resp, err := client.Get(j.URL + "/" + bucketName + "?" + q.Encode())
	if err != nil {
		return "", false, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("LIST %s: %s", j.Prefix, resp.Status)
	}
	_, rest, more := strings.Cut(string(text), "<NextContinuationToken>")
	next, _, _ = strings.Cut(rest, "<")
	return next, more, err
}
