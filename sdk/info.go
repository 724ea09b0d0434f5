package sdk

import "encoding/json"

// ProtocolVersion is the version of connector.v1 that this SDK speaks.
const ProtocolVersion = 1

// Info describes a connector.
type Info struct {
	// Name in lower-case letters, digits and hyphens; the binary is
	// patchbay-connector-<name>.
	Name string
	// Version of the connector, semantic.
	Version string
	// ProtocolVersion is filled in by the SDK.
	ProtocolVersion uint32
	// Summary is one line of help.
	Summary string
	// Actions has at least one; the first is used by steps that name none and whose
	// config implies none.
	// NewActions fills it in.
	Actions []ActionInfo
	// Capabilities is filled in by the SDK from the interfaces implemented.
	Capabilities []Capability
	// Secrets names those the connector can make use of.
	Secrets []SecretInfo
	// Webhook is for a WebhookParser.
	Webhook WebhookInfo
}

// WebhookInfo says which deliveries a connector reads.
type WebhookInfo struct {
	// Headers are names, in lower case, one of which each delivery of this sender has
	// and no other sender's: "x-github-event". Without them a trigger has to name the
	// connector.
	Headers []string
	// OptionsSchema is a JSON Schema (2020-12) of a trigger's options; nil when it
	// takes none. See NewOptions.
	OptionsSchema json.RawMessage
}

// ActionInfo is one thing a connector can do.
type ActionInfo struct {
	Name string
	Help string
	// ConfigSchema is a JSON Schema (2020-12) of the step's config without its
	// `action` key.
	ConfigSchema json.RawMessage
	Outputs      []OutputInfo
	// ImpliedBy fits configs of steps that name no action but mean this one; see
	// ImpliedBy, the option.
	ImpliedBy []KeyPattern
	// Deploys says that the action sends a Release; see Deploys, the option.
	Deploys bool
}

// OutputInfo names a value that an action sets for later steps.
type OutputInfo struct {
	Name string
	Help string
}

// SecretInfo names a secret.
type SecretInfo struct {
	Name     string
	Help     string
	Required bool
}

// Capability is an optional method that a connector has.
type Capability string

// The capabilities.
const (
	CapabilityValidateConfig Capability = "validate_config"
	CapabilityPreExecute     Capability = "pre_execute"
	CapabilityPostExecute    Capability = "post_execute"
	CapabilityDestroyStep    Capability = "destroy_step"
	CapabilityCheck          Capability = "check"
	CapabilityPlanStep       Capability = "plan_step"
	CapabilityParseWebhook   Capability = "parse_webhook"
	CapabilityReportStatus   Capability = "report_status"
	CapabilityPrepareStep    Capability = "prepare_step"
	CapabilityDeploy         Capability = "deploy"
)

// Has reports whether the connector announced the capability.
func (i Info) Has(c Capability) bool {
	for _, have := range i.Capabilities {
		if have == c {
			return true
		}
	}
	return false
}

// describe completes a connector's Info with what the SDK knows.
func describe(c Connector) Info {
	info := c.Info()
	info.ProtocolVersion = ProtocolVersion
	info.Capabilities = nil
	add := func(ok bool, capability Capability) {
		if ok {
			info.Capabilities = append(info.Capabilities, capability)
		}
	}
	_, validates := c.(ConfigValidator)
	_, pre := c.(PreExecutor)
	_, post := c.(PostExecutor)
	_, destroys := c.(Destroyer)
	_, checks := c.(Checker)
	_, plans := c.(Planner)
	_, parses := c.(WebhookParser)
	_, reports := c.(StatusReporter)
	_, prepares := c.(StepPreparer)
	_, deploys := c.(Deployer)
	add(validates, CapabilityValidateConfig)
	add(pre, CapabilityPreExecute)
	add(post, CapabilityPostExecute)
	add(destroys, CapabilityDestroyStep)
	add(checks, CapabilityCheck)
	add(plans, CapabilityPlanStep)
	add(parses, CapabilityParseWebhook)
	add(reports, CapabilityReportStatus)
	add(prepares, CapabilityPrepareStep)
	add(deploys, CapabilityDeploy)
	return info
}
