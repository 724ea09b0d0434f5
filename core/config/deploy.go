package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Deploy is where and how services run.
type Deploy struct {
	// Node names this server among those on one store; the machine's name if empty.
	Node string `yaml:"node"`
	// Address is what services listen on: loopback unless told otherwise.
	Address string `yaml:"service_address"`
	// Ports is the range for services that do not say which port they want:
	// "20000-20999".
	Ports string `yaml:"service_ports"`
	// Keep is how many releases of a service are kept to go back to; 0 is the default
	// of core/deploy.
	Keep int `yaml:"service_releases"`
}

// Range returns the first and the last port; zeros for the default ones.
func (d Deploy) Range() (first, last int, err error) {
	if d.Ports == "" {
		return 0, 0, nil
	}
	from, to, ok := strings.Cut(d.Ports, "-")
	first, err1 := strconv.Atoi(strings.TrimSpace(from))
	last, err2 := strconv.Atoi(strings.TrimSpace(to))
	if !ok || err1 != nil || err2 != nil || first < 1 || last > 65535 || first > last {
		return 0, 0, fmt.Errorf("service_ports is %q; write the first and the last port of a range, as in 20000-20999", d.Ports)
	}
	return first, last, nil
}
