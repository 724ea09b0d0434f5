package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-ci/patchbay/sdk"
)

// settings makes a policy of NAME=value pairs.
func settings(pairs ...string) *policy {
	return newPolicy(func(name string) string {
		for _, pair := range pairs {
			if value, found := strings.CutPrefix(pair, name+"="); found {
				return value
			}
		}
		return ""
	})
}

// problems says what validation says about a config, under a policy.
func problems(t *testing.T, p *policy, config string) string {
	t.Helper()
	c := newConnector()
	c.policy = p
	found, err := c.ValidateConfig(t.Context(), sdk.ValidateRequest{Config: json.RawMessage(config)})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, d := range found {
		said = append(said, string(d.Severity)+" "+d.Pointer+": "+d.Message)
		if d.Severity == sdk.SeverityError && strings.Contains(d.Message, "here") && d.Suggestion == "" {
			t.Errorf("%s: there is no suggestion", d.Message)
		}
	}
	return strings.Join(said, "\n")
}

// TestKeysOfContainers goes through wrong values of every key that says what a
// container is.
func TestKeysOfContainers(t *testing.T) {
	t.Parallel()
	cases := map[string]string{ // the config's further keys -> what is said, empty for nothing
		`"memory":"512m","cpu":1.5,"pids":100,"shm_size":"1g"`: "",
		`"memory":536870912,"cpu":"500m"`:                      "",
		`"memory":"lots"`:                                      "error /memory: ",
		`"memory":-1`:                                          "error /memory: ",
		`"memory":"1m"`:                                        "error /memory: memory is only 1MiB",
		`"memory":"99999999999t"`:                              "error : ",
		`"memory":true`:                                        "error /memory: ",
		`"cpu":0`:                                              "error /cpu: ",
		`"cpu":"two"`:                                          "error /cpu: ",
		`"pids":0`:                                             "error /pids: ",
		`"pids":"10"`:                                          "error /pids: ",
		`"shm_size":[]`:                                        "error /shm_size: ",
		`"read_only":true,"cap_drop":"ALL","cap_add":["NET_RAW","cap_chown"]`: "",
		`"read_only":"yes"`:                               "error /read_only: ",
		`"cap_add":["NET RAW"]`:                           `error /cap_add: "NET RAW" is not the name of a capability`,
		`"cap_add":"SYS_ADMIN"`:                           "error /cap_add: the capability SYS_ADMIN may not be added here",
		`"cap_add":"ALL"`:                                 "error /cap_add: the capability ALL may not be added here",
		`"cap_drop":7`:                                    "error /cap_drop: ",
		`"privileged":true`:                               "error /privileged: privileged containers are not allowed here",
		`"no_new_privileges":1`:                           "error /no_new_privileges: ",
		`"platform":"linux/amd64"`:                        "",
		`"platform":"amd64"`:                              "error /platform: ",
		`"network":"none"`:                                "",
		`"network":"host"`:                                "error /network: the network host may not be used here; allowed are: bridge, none",
		`"network":"container:other"`:                     "error /network: ",
		`"network":7`:                                     "error /network: ",
		`"dns":"192.0.2.53","dns_search":["example.com"]`: "",
		`"dns":["ns.example.com"]`:                        "error /dns: ",
		`"dns_search":["a b"]`:                            "error /dns_search: ",
		`"extra_hosts":{"db":"192.0.2.7","six":"2001:db8::1","host":"host-gateway"}`: "",
		`"extra_hosts":["db:192.0.2.7","six=2001:db8::1"]`:                           "",
		`"extra_hosts":["db"]`:                                  "error /extra_hosts/0: ",
		`"extra_hosts":{"db":"elsewhere"}`:                      "error /extra_hosts: ",
		`"tmpfs":["/cache","/scratch:size=64m,mode=1777,exec"]`: "",
		`"tmpfs":"cache"`:                                       "error /tmpfs/0: ",
		`"tmpfs":"/cache:suid"`:                                 `error /tmpfs/0: tmpfs has no option "suid"`,
		`"tmpfs":"/workspace/x"`:                                "error /tmpfs/0: /workspace/x cannot be mounted over",
		`"tmpfs":["/a","/a"]`:                                   "error /tmpfs/1: two things are to be mounted at /a",
		`"volumes":["/srv:/srv"]`:                               "error /volumes/0: /srv may not be mounted here; allowed are: none",
		`"volumes":["cache:/cache"]`:                            "error /volumes/0: cache may not be mounted here",
		`"volumes":["/srv/../etc:/x"]`:                          `error /volumes/0: the path "/srv/../etc" goes round about`,
		`"volumes":["./src:/x"]`:                                "error /volumes/0: ",
		`"volumes":["/srv:/"]`:                                  `error /volumes/0: "/" is not a place to mount at`,
		`"volumes":["/srv:/proc/x"]`:                            "error /volumes/0: /proc/x cannot be mounted over",
		`"volumes":["/srv:relative"]`:                           "error /volumes/0: ",
		`"volumes":["/srv"]`:                                    "error /volumes/0: ",
		`"volumes":[{"source":"/srv"}]`:                         "error /volumes/0: ",
		`"volumes":{}`:                                          "error /volumes: ",
		`"services":[{"name":"db","image":"postgres:16","health_check":{"tcp":5432}}]`: "",
		`"services":[{"name":"db"}]`:                                                        "error /services/0: ",
		`"services":[{"name":"D B","image":"x"}]`:                                           "error /services/0/name: ",
		`"services":[{"name":"db","image":"x"},{"name":"db","image":"y"}]`:                  "error /services/1/name: there are two services named db",
		`"services":[{"name":"db","image":"X"}]`:                                            "error /services/0/image: ",
		`"services":[{"name":"db","image":"x","privileged":true}]`:                          "error /services/0/privileged: ",
		`"services":[{"name":"db","image":"x","volumes":["/srv:/srv"]}]`:                    "error /services/0/volumes/0: ",
		`"services":[{"name":"db","image":"x","ports":["5432:5432"]}]`:                      "warning /services/0/ports: ports has no effect on a service",
		`"services":[{"name":"db","image":"x","health_check":{}}]`:                          "error /services/0/health_check: the health check says nothing to try",
		`"services":[{"name":"db","image":"x","health_check":{"tcp":1,"command":"a"}}]`:     "error /services/0/health_check: command and tcp are both given",
		`"services":[{"name":"db","image":"x","health_check":{"tcp":70000}}]`:               "error /services/0/health_check/tcp: ",
		`"services":[{"name":"db","image":"x","health_check":{"tcp":1,"interval":"soon"}}]`: "error /services/0/health_check/interval: ",
		`"services":[{"name":"db","image":"x","health_check":{"tcp":1,"timeout":"900h"}}]`:  "error : ",
		`"services":[{"name":"db","image":"x","health_check":{"tcp":1,"retries":0}}]`:       "error /services/0/health_check/retries: ",
		`"services":[{"name":"db","image":"x","unknown":1}]`:                                "error /services/0/unknown: ",
		`"services":{"db":{}}`: "error /services: ",
		`"network":"none","services":[{"name":"db","image":"x"}]`: "error /network: a step with services has a network of its own",
	}
	for keys, says := range cases {
		t.Run(keys, func(t *testing.T) {
			t.Parallel()
			got := problems(t, settings(), `{"image":"alpine","command":"true",`+keys+`}`)
			if says == "" && got != "" || !strings.HasPrefix(got, says) {
				t.Errorf("got %q, want %q…", got, says)
			}
		})
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		settings []string
		keys     string
		says     string
	}{
		"a folder":                {[]string{"PATCHBAY_DOCKER_VOLUMES=/srv/cache:ro, npm-*"}, `"volumes":["/srv/cache:/cache:ro","npm-7:/npm"]`, ""},
		"a folder to write to":    {[]string{"PATCHBAY_DOCKER_VOLUMES=/srv/cache:ro"}, `"volumes":["/srv/cache:/cache"]`, "error /volumes/0: /srv/cache may only be mounted read-only here"},
		"below a folder":          {[]string{"PATCHBAY_DOCKER_VOLUMES=/srv"}, `"volumes":["/srv/link:/x"]`, "error /volumes/0: /srv/link may not be mounted here; allowed are: /srv"},
		"out of a folder":         {[]string{"PATCHBAY_DOCKER_VOLUMES=/srv"}, `"volumes":["/srv/../etc:/x"]`, "error /volumes/0: "},
		"a pattern is of volumes": {[]string{"PATCHBAY_DOCKER_VOLUMES=*"}, `"volumes":["/etc:/x"]`, "error /volumes/0: "},
		"a network":               {[]string{"PATCHBAY_DOCKER_NETWORKS=ci-*"}, `"network":"ci-tests"`, ""},
		"every network":           {[]string{"PATCHBAY_DOCKER_NETWORKS=*"}, `"network":"host"`, "error /network: "},
		"the machine's network":   {[]string{"PATCHBAY_DOCKER_NETWORKS=host"}, `"network":"host"`, ""},
		"a capability":            {[]string{"PATCHBAY_DOCKER_CAPABILITIES=cap_sys_ptrace"}, `"cap_add":["SYS_PTRACE"]`, ""},
		"another":                 {[]string{"PATCHBAY_DOCKER_CAPABILITIES=SYS_PTRACE"}, `"cap_add":["NET_RAW"]`, "error /cap_add: the capability NET_RAW may not"},
		"none":                    {[]string{"PATCHBAY_DOCKER_CAPABILITIES=none"}, `"cap_add":["NET_RAW"]`, "error /cap_add: "},
		"privileged":              {[]string{"PATCHBAY_DOCKER_PRIVILEGED=true"}, `"privileged":true`, ""},
		"memory":                  {[]string{"PATCHBAY_DOCKER_MEMORY_MAX=1g"}, `"memory":"2g"`, "error /memory: memory is more than a step may have here: 1GiB"},
		"cpu":                     {[]string{"PATCHBAY_DOCKER_CPU_MAX=2"}, `"cpu":3`, "error /cpu: "},
		"pids":                    {[]string{"PATCHBAY_DOCKER_PIDS_MAX=10"}, `"pids":11`, "error /pids: "},
		"of a service":            {[]string{"PATCHBAY_DOCKER_MEMORY_MAX=1g"}, `"services":[{"name":"a","image":"x","shm_size":"2g"}]`, "error /services/0/shm_size: "},
		"broken number":           {[]string{"PATCHBAY_DOCKER_CPU_MAX=many"}, `"cpu":1`, "error : the operator's settings for containers cannot be used: PATCHBAY_DOCKER_CPU_MAX"},
		"broken truth":            {[]string{"PATCHBAY_DOCKER_PRIVILEGED=perhaps"}, `"cpu":1`, "error : the operator's settings"},
		"broken path":             {[]string{"PATCHBAY_DOCKER_VOLUMES=/srv/../etc"}, `"cpu":1`, "error : the operator's settings"},
		"the whole machine":       {[]string{"PATCHBAY_DOCKER_VOLUMES=/"}, `"cpu":1`, "error : the operator's settings"},
		"a folder in another":     {[]string{"PATCHBAY_DOCKER_VOLUMES=/srv,/srv/cache:ro"}, `"cpu":1`, "error : the operator's settings"},
		"below a read-only one":   {[]string{"PATCHBAY_DOCKER_VOLUMES=/srv:ro,/srv/cache"}, `"cpu":1`, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := problems(t, settings(c.settings...), `{"image":"alpine","command":"true",`+c.keys+`}`)
			if c.says == "" && got != "" || !strings.HasPrefix(got, c.says) {
				t.Errorf("got %q, want %q…", got, c.says)
			}
		})
	}
}

func TestStandardLimits(t *testing.T) {
	t.Parallel()
	type got struct{ Memory, Swap, NanoCPUs, Pids int64 }
	of := func(l limits, p *policy) got {
		r := l.resources(p)
		return got{r.Memory, r.MemorySwap, r.NanoCPUs, *r.PidsLimit}
	}
	limited := settings("PATCHBAY_DOCKER_MEMORY=1g", "PATCHBAY_DOCKER_MEMORY_MAX=2g", "PATCHBAY_DOCKER_CPU_MAX=2", "PATCHBAY_DOCKER_PIDS_MAX=50")
	for name, c := range map[string]struct{ got, want got }{
		"nothing said":    {of(limits{}, settings()), got{Pids: 4096}},
		"by the operator": {of(limits{}, limited), got{1 << 30, 1 << 30, 2e9, 50}},
		"by the step":     {of(limits{Memory: 2 << 30, CPU: 0.5, Pids: 7}, limited), got{2 << 30, 2 << 30, 5e8, 7}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
