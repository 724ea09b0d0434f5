package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/patchbay-ci/patchbay/core"
)

// countedLogs is a core.LogOpener that counts what is written.
type countedLogs struct {
	core.LogOpener
	bytes map[core.LogStream]prometheus.Counter
}

// Logs counts the bytes that are appended to logs.
func (m *Metrics) Logs(logs core.LogOpener) core.LogOpener {
	total := m.counters("log_bytes_total", "Bytes that were written to the logs of executions, by stream.", "stream")
	c := &countedLogs{LogOpener: logs, bytes: map[core.LogStream]prometheus.Counter{}}
	for _, stream := range []core.LogStream{core.StreamStdout, core.StreamStderr, core.StreamSystem, core.StreamStatus} {
		c.bytes[stream] = total.WithLabelValues(stream.String())
	}
	return c
}

// OpenLog implements core.LogOpener.
func (c *countedLogs) OpenLog(ctx context.Context, executionID string) (core.LogWriter, error) {
	w, err := c.LogOpener.OpenLog(ctx, executionID)
	if err != nil {
		return nil, err
	}
	return &countedLog{w, c.bytes}, nil
}

type countedLog struct {
	core.LogWriter
	bytes map[core.LogStream]prometheus.Counter
}

// Append implements core.LogWriter. What a join brings again counts again: it was work.
func (c *countedLog) Append(r core.LogRecord) error {
	err := c.LogWriter.Append(r)
	if counter := c.bytes[r.Stream]; err == nil && counter != nil {
		counter.Add(float64(len(r.Data)))
	}
	return err
}
