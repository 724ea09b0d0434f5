package deploy

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"strconv"
	"syscall"

	"github.com/patchbay-ci/patchbay/core"
)

// lease gets the ports that a deployment's release wants. A lease is a document whose ID is the
// port, and creating it is the one conditional write: whoever creates it has the port, in
// this process or another. After a crash the deployment finds what it had. An error that
// is a failure says for people which port cannot be had and why.
func (m *Manager) lease(ctx context.Context, d *core.Deployment) ([]core.LeasedPort, error) {
	leases, err := m.options.Store.PortLeases(ctx, d.Node)
	if err != nil {
		return nil, err
	}
	had, taken := map[string]int{}, map[int]bool{}
	for _, l := range leases {
		taken[l.Port] = true
		if l.Deployment == d.ID {
			had[l.Name] = l.Port
		}
	}
	var ports []core.LeasedPort
	for _, wanted := range d.Release.Ports {
		port, there := had[wanted.Name]
		switch {
		case there:
		case wanted.Port != 0:
			port, err = wanted.Port, m.leaseFixed(ctx, d, wanted)
		default:
			port, err = m.leaseFromRange(ctx, d, wanted.Name, taken)
		}
		if err != nil {
			return nil, err
		}
		taken[port] = true
		ports = append(ports, core.LeasedPort{Name: wanted.Name, Address: m.options.Address, Port: port})
	}
	return ports, nil
}

// leaseFixed gets a port that the release insists on. One that another release of the same
// service has is passed on: the service's lock keeps them apart.
func (m *Manager) leaseFixed(ctx context.Context, d *core.Deployment, wanted core.ServicePort) error {
	l := m.newLease(d, wanted.Name, wanted.Port)
	l.Fixed = true
	err := m.options.Store.CreatePortLease(ctx, l)
	if core.CodeOf(err) == core.CodeConflict {
		there, err := m.options.Store.PortLease(ctx, l.ID)
		switch {
		case core.CodeOf(err) == core.CodeNotFound: // given back this moment
			return fmt.Errorf("port %d changes hands", wanted.Port)
		case err == nil && there.Service != d.Service:
			return fail("port %d belongs to service %s; give one of them another port, or stop that service", wanted.Port, there.Service)
		}
		return err
	}
	if err == nil && !m.bindable(wanted.Port) {
		if err := m.options.Store.DeletePortLease(ctx, l.ID, l.Service); err != nil {
			return err
		}
		return fail("port %d of %s is used by a program that is none of Patchbay's services", wanted.Port, m.options.Address)
	}
	return err
}

// leaseFromRange gets a port of the range that nobody has and nobody listens on. It begins
// at a place that depends on the deployment, so that a port that was just freed, which
// somebody may still connect to, is not the next one's.
func (m *Manager) leaseFromRange(ctx context.Context, d *core.Deployment, name string, taken map[int]bool) (int, error) {
	count := m.options.LastPort - m.options.FirstPort + 1
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(d.ID + name)) // never fails
	begin, busy := int(hash.Sum32()%uint32(count)), 0
	for i := range count {
		port := m.options.FirstPort + (begin+i)%count
		if taken[port] {
			continue
		}
		l := m.newLease(d, name, port)
		err := m.options.Store.CreatePortLease(ctx, l)
		if core.CodeOf(err) == core.CodeConflict {
			continue
		}
		if err != nil {
			return 0, err
		}
		if m.bindable(port) {
			return port, nil
		}
		busy++
		if err := m.options.Store.DeletePortLease(ctx, l.ID, l.Service); err != nil {
			return 0, err
		}
	}
	return 0, fail("there is no free port for %s from %d to %d: %d are used by programs that are none of Patchbay's services, the others by services; stop some, or make the range larger",
		name, m.options.FirstPort, m.options.LastPort, busy)
}

func (m *Manager) newLease(d *core.Deployment, name string, port int) *core.PortLease {
	return &core.PortLease{ID: d.Node + "/" + strconv.Itoa(port), Node: d.Node, Port: port, Service: d.Service, Deployment: d.ID, Name: name, CreatedAt: now()}
}

// bindable reports whether nobody listens on a port. A port that only others than this
// process may listen on is theirs to try.
func (m *Manager) bindable(port int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort(m.options.Address, strconv.Itoa(port)))
	if err != nil {
		return !errors.Is(err, syscall.EADDRINUSE)
	}
	return listener.Close() == nil
}

// free gives back what ports of a service neither its live deployment has nor the one at
// work. Nothing listens on them any more. The caller has the service's lock.
func (m *Manager) free(ctx context.Context, s *core.Service) error {
	needed := map[int]bool{}
	for _, id := range []string{s.Live, s.Deploying} {
		if id == "" {
			continue
		}
		d, err := m.options.Store.Deployment(ctx, id)
		if err != nil && core.CodeOf(err) != core.CodeNotFound {
			return err
		}
		if err == nil {
			for _, p := range d.Ports {
				needed[p.Port] = true
			}
		}
	}
	leases, err := m.options.Store.PortLeases(ctx, m.options.Node)
	if err != nil {
		return err
	}
	for _, l := range leases {
		if l.Service == s.Name && !needed[l.Port] {
			if err := m.options.Store.DeletePortLease(ctx, l.ID, l.Service); err != nil {
				return err
			}
		}
	}
	return nil
}

// endpointOf is where a service is found by its ports: that of its HTTP check, or the
// first.
func endpointOf(d *core.Deployment, ports []core.LeasedPort) string {
	if len(ports) == 0 {
		return ""
	}
	if http := d.Release.Health.HTTP; http != nil && http.URL == "" {
		if p, ok := portOf(ports, http.Port); ok {
			return "http://" + p.String()
		}
	}
	return ports[0].String()
}

// portOf finds a port by its name; "" is the first.
func portOf(ports []core.LeasedPort, name string) (core.LeasedPort, bool) {
	for _, p := range ports {
		if name == "" || p.Name == name {
			return p, true
		}
	}
	return core.LeasedPort{}, false
}
