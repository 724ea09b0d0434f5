package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/invopop/jsonschema"
)

// networking is how a container reaches others.
type networking struct {
	Network    string `json:"network,omitempty" jsonschema:"minLength=1" jsonschema_description:"bridge (the default), none, or a network of the Engine's that the operator allows. A step with services has a private one"`
	ExtraHosts hosts  `json:"extra_hosts,omitempty" jsonschema_description:"Names and their addresses for /etc/hosts: a map, or a list of name:address. The address host-gateway is the Engine's machine"`
	DNS        words  `json:"dns,omitempty" jsonschema_description:"Addresses of the name servers to ask"`
	DNSSearch  words  `json:"dns_search,omitempty" jsonschema_description:"Domains in which short names are looked for"`
}

// The networks that every Engine has and no policy need name.
const (
	networkBridge = "bridge"
	networkNone   = "none"
	networkHost   = "host" // which only the operator can allow
)

// hostGateway stands for the Engine's machine.
const hostGateway = "host-gateway"

// check refuses what is no network, address or name.
func (n *networking) check() error {
	if n.Network != "" && !objectName.MatchString(n.Network) {
		return invalid("/network", "write bridge, none or the name of a network", "%q is not the name of a network; that of another container cannot be shared", n.Network)
	}
	for name, address := range n.ExtraHosts {
		if !hostForm.MatchString(name) {
			return invalid("/extra_hosts", "write it like db:192.0.2.7", "%q is not the name of a host", name)
		}
		if _, err := netip.ParseAddr(address); err != nil && address != hostGateway {
			return invalid("/extra_hosts", "write an IP address, or host-gateway", "%q, for %s, is not an address", address, name)
		}
	}
	for _, address := range n.DNS {
		if _, err := netip.ParseAddr(address); err != nil {
			return invalid("/dns", "write an IP address", "%q is not the address of a name server", address)
		}
	}
	for _, domain := range n.DNSSearch {
		if domain != "." && !hostForm.MatchString(domain) {
			return invalid("/dns_search", "write it like example.com", "%q is not the name of a domain", domain)
		}
	}
	return nil
}

func (n *networking) allowed(p *policy) error {
	switch n.Network {
	case "", networkBridge, networkNone:
		return nil
	}
	// The machine's own network is no matter of patterns.
	if !slices.ContainsFunc(p.networks, func(pattern string) bool {
		return pattern == n.Network || n.Network != networkHost && matches(pattern, n.Network)
	}) {
		return refused("/network", settingNetworks, "the network %s may not be used here; allowed are: %s", n.Network,
			listed(slices.Concat([]string{networkBridge, networkNone}, p.networks)))
	}
	return nil
}

// apply writes it into the container to be. private is the name of the network that
// it shares with its services, or empty.
func (n *networking) apply(host *container.HostConfig, private string) {
	host.NetworkMode = container.NetworkMode(n.Network)
	if private != "" {
		host.NetworkMode = container.NetworkMode(private)
	}
	host.DNS, host.DNSSearch = n.DNS, n.DNSSearch
	for name, address := range n.ExtraHosts {
		host.ExtraHosts = append(host.ExtraHosts, name+":"+address)
	}
	slices.Sort(host.ExtraHosts)
}

var (
	// objectName is what the Engine lets a network or a volume be called.
	objectName     = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$`)
	hostForm       = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9_.-]{0,251}[a-zA-Z0-9])?$`)
	capabilityForm = regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,39}$`)
)

// hosts is names and addresses, written as a map or as a list of name:address.
type hosts map[string]string

// UnmarshalJSON reads both forms. An address may have colons, a name has none.
func (h *hosts) UnmarshalJSON(data []byte) error {
	var list []string
	if json.Unmarshal(data, &list) != nil {
		return json.Unmarshal(data, (*map[string]string)(h))
	}
	*h = hosts{}
	for i, item := range list {
		name, address, found := strings.Cut(item, ":")
		if before, after, equals := strings.Cut(item, "="); equals {
			name, address, found = before, after, true
		}
		if !found {
			return fmt.Errorf("item %d of extra_hosts is not of the form name:address", i+1)
		}
		(*h)[name] = address
	}
	return nil
}

// JSONSchema implements jsonschema's customising interface.
func (hosts) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "object", AdditionalProperties: &jsonschema.Schema{Type: "string"}},
		{Type: "array", Items: &jsonschema.Schema{Type: "string", Pattern: "^[^:=]+[:=].+$"}}}}
}
