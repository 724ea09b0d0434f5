package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/patchbay-ci/patchbay/core"
)

// Queue shows how full the queue is; load is asked at each scrape.
func (m *Metrics) Queue(load func() core.QueueLoad) {
	m.registry.MustRegister(&queue{load: load,
		waiting: described("queue_waiting", "Executions that wait for their turn."),
		running: described("queue_slots_used", "Slots that are taken."),
		slots:   described("queue_slots", "How many executions run at once, at the most."),
		paused:  described("queue_paused", "1 while the queue is paused.")})
}

type queue struct {
	load                            func() core.QueueLoad
	waiting, running, slots, paused *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (q *queue) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(q, out) }

// Collect implements prometheus.Collector.
func (q *queue) Collect(out chan<- prometheus.Metric) {
	now := q.load()
	out <- gauge(q.waiting, float64(now.Waiting))
	out <- gauge(q.running, float64(now.Running))
	out <- gauge(q.slots, float64(now.Slots))
	out <- gauge(q.paused, number(now.Paused))
}

// Connectors shows how the processes of connectors stand; list is asked at each scrape.
func (m *Metrics) Connectors(list func() []core.ConnectorProcess) {
	m.registry.MustRegister(&processes{list: list,
		up:       described("connector_up", "1 while a process of the connector is up; it is launched when it is first used.", "connector"),
		broken:   described("connector_broken", "1 while the connector cannot be launched.", "connector"),
		users:    described("connector_calls_in_flight", "Steps and other calls that use the connector's processes.", "connector"),
		launches: described("connector_launches_total", "Processes of the connector that came up.", "connector"),
		crashes:  described("connector_crashes_total", "Processes of the connector that ended without being asked to.", "connector"),
		refused:  described("connector_launch_failures_total", "Launches of the connector that failed.", "connector")})
}

type processes struct {
	list                                          func() []core.ConnectorProcess
	up, broken, users, launches, crashes, refused *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (p *processes) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{p.up, p.broken, p.users, p.launches, p.crashes, p.refused} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (p *processes) Collect(out chan<- prometheus.Metric) {
	list := p.list()
	for _, c := range list[:min(len(list), maxConnectors)] {
		out <- gauge(p.up, number(c.Up), c.Name)
		out <- gauge(p.broken, number(c.Broken), c.Name)
		out <- gauge(p.users, float64(c.Users), c.Name)
		out <- counter(p.launches, c.Launches, c.Name)
		out <- counter(p.crashes, c.Crashes, c.Name)
		out <- counter(p.refused, c.Failures, c.Name)
	}
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func counter(d *prometheus.Desc, value int64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
