package main

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// collector makes metrics of the rows, each time it is asked.
type collector struct {
	snapshot func() *snapshot
	rows     []row
	descs    []*prometheus.Desc
}

var _ prometheus.Collector = (*collector)(nil)

func newCollector(snap func() *snapshot) *collector {
	c := &collector{snapshot: snap, rows: rows()}
	for _, r := range c.rows {
		c.descs = append(c.descs, prometheus.NewDesc("zs3fs_"+r.name, r.help, nil, nil))
	}
	return c
}

// Describe sends what is known of the metrics.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect sends the metrics as of now.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.snapshot()
	for i, r := range c.rows {
		kind := prometheus.GaugeValue
		if strings.HasSuffix(r.name, "_total") {
			kind = prometheus.CounterValue
		}
		out <- prometheus.MustNewConstMetric(c.descs[i], kind, float64(r.value(s)))
	}
}

// metricsHandler answers with the rows, and with what Go and Linux say of the
// process. The registry is its own: the library's common one is open to all.
func metricsHandler(snap func() *snapshot) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(snap), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
