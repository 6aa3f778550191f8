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
	// passthrough is 1 or 0, and its label the reason why it is 0.
	passthrough *prometheus.Desc
}

var _ prometheus.Collector = (*collector)(nil)

func newCollector(snap func() *snapshot) *collector {
	c := &collector{snapshot: snap, rows: rows(), passthrough: prometheus.NewDesc("zs3fs_passthrough",
		"whether the kernel reads complete files by itself, and if not why", []string{"reason"}, nil)}
	for _, r := range c.rows {
		c.descs = append(c.descs, prometheus.NewDesc("zs3fs_"+r.name, r.help, nil, nil))
	}
	return c
}

// Describe sends what is known of the metrics.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	out <- c.passthrough
	for _, d := range c.descs {
		out <- d
	}
}

// Collect sends the metrics as of now.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.snapshot()
	on := 0.0
	if s.passthrough.On {
		on = 1
	}
	out <- prometheus.MustNewConstMetric(c.passthrough, prometheus.GaugeValue, on, s.passthrough.Reason)
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
