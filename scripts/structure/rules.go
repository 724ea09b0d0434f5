package main

// rule says what the packages it matches may import besides the standard
// library and their own area (core/store and what is below it are one area).
//
// A pattern is a directory of this module; with "/..." it is all that is below
// it too. For third-party packages a pattern is a prefix of the import path.
type rule struct {
	packages string
	ours     []string
	theirs   []string
}

var anything = []string{""}

// rules are read from the top; the first that matches counts. A directory that
// none matches is a finding: a new part of the system decides here what it
// stands on.
var rules = []rule{
	// The nouns. All others stand on them, so they stand on nothing.
	{packages: "core", ours: nil, theirs: nil},

	// The parts of the server know the nouns and not each other; what connects
	// them is wired in cmd.
	{packages: "core/engine/...", ours: []string{"core", "core/artifacts", "core/plan", "core/condition", "core/mask", "core/queue", "core/workspace", "sdk"}, theirs: anything},
	{packages: "core/pluginhost/...", ours: []string{"core", "sdk"}, theirs: anything},
	{packages: "core/trigger/...", ours: []string{"core", "core/plan", "core/condition", "sdk"}, theirs: anything},
	{packages: "core/pipefile/...", ours: []string{"core", "core/plan", "core/condition", "core/cron", "sdk/schema"}, theirs: anything},
	{packages: "core/api/...", ours: []string{"core", "core/idempotency", "core/plan", "sdk/schema"}, theirs: anything},
	{packages: "core/notify/...", ours: []string{"core", "core/condition", "sdk"}, theirs: anything},
	{packages: "core/schedule/...", ours: []string{"core", "core/cron"}, theirs: anything},
	{packages: "core/detect/...", ours: []string{"core", "core/project"}, theirs: anything},
	{packages: "core/deploy/...", ours: []string{"core", "core/mask", "sdk"}, theirs: anything},
	{packages: "core/webhook/...", ours: []string{"core", "sdk"}, theirs: anything},
	{packages: "core/...", ours: []string{"core"}, theirs: anything},

	// What connector authors import: small, and below core.
	{packages: "sdk/sdktest/...", ours: []string{"proto/...", "sdk"}, theirs: append(sdkNeeds, "github.com/google/go-cmp/")},
	{packages: "sdk/...", ours: []string{"proto/..."}, theirs: sdkNeeds},
	{packages: "proto/...", ours: nil, theirs: []string{"google.golang.org/grpc", "google.golang.org/protobuf/"}},

	// Connectors are programs like any third party's.
	{packages: "plugins/...", ours: []string{"sdk/..."}, theirs: anything},
	{packages: "examples/...", ours: []string{"sdk/..."}, theirs: anything},

	// Wiring, and the tools of this repository.
	{packages: "cmd/...", ours: []string{"core/...", "sdk/..."}, theirs: anything},
	{packages: "scripts/...", ours: []string{"core/...", "sdk/..."}, theirs: anything},
}

// sdkNeeds is all that a connector gets into its build with the SDK. (The general
// schema validator is only the reference of a test.)
var sdkNeeds = []string{
	"github.com/hashicorp/go-plugin",
	"github.com/hashicorp/go-hclog",
	"google.golang.org/grpc",
	"google.golang.org/protobuf/",
	"github.com/invopop/jsonschema",
	"github.com/santhosh-tekuri/jsonschema/",
	"golang.org/x/sys/",
}

// testsOf replaces the rule for the _test.go files of an area: a test may stand
// on real neighbours where the code must not.
var testsOf = []rule{
	{packages: "core", ours: nil, theirs: []string{"github.com/google/go-cmp/"}},
	{packages: "core/...", ours: []string{"core/...", "sdk/..."}, theirs: anything},
	{packages: "sdk/...", ours: []string{"proto/..."}, theirs: append(sdkNeeds, "github.com/google/go-cmp/")},
}

// vendors are the import paths of the services that only connectors know. No
// file of core imports them, tests included.
var vendors = []string{
	"github.com/docker/", "github.com/moby/", "github.com/containerd/",
	"k8s.io/", "sigs.k8s.io/", "helm.sh/",
	"github.com/aws/", "github.com/Azure/",
	"cloud.google.com/", "google.golang.org/api/",
	"github.com/google/go-github/", "gitlab.com/", "github.com/xanzy/go-gitlab",
}

// vague are names that say nothing about what is in a package.
var vague = map[string]bool{
	"util": true, "utils": true, "common": true, "helper": true, "helpers": true, "shared": true, "misc": true,
}

// maxLines is the length of a source file, tests and generated code apart, from
// which on it is two files.
const maxLines = 400
