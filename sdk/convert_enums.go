package sdk

import connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"

// enum pairs the words of Go with the numbers of the protocol.
type enum[G ~string, P ~int32] []struct {
	word   G
	number P
}

// toProto returns zero, "unspecified", for an unknown word.
func (e enum[G, P]) toProto(word G) P {
	for _, pair := range e {
		if pair.word == word {
			return pair.number
		}
	}
	return 0
}

// fromProto returns "" for an unknown number, such as one from a newer peer.
func (e enum[G, P]) fromProto(number P) G {
	for _, pair := range e {
		if pair.number == number {
			return pair.word
		}
	}
	return ""
}

var (
	capabilities = enum[Capability, connectorv1.Capability]{
		{CapabilityValidateConfig, connectorv1.Capability_CAPABILITY_VALIDATE_CONFIG},
		{CapabilityPreExecute, connectorv1.Capability_CAPABILITY_PRE_EXECUTE},
		{CapabilityPostExecute, connectorv1.Capability_CAPABILITY_POST_EXECUTE},
		{CapabilityDestroyStep, connectorv1.Capability_CAPABILITY_DESTROY_STEP},
		{CapabilityCheck, connectorv1.Capability_CAPABILITY_CHECK},
		{CapabilityPlanStep, connectorv1.Capability_CAPABILITY_PLAN_STEP},
		{CapabilityParseWebhook, connectorv1.Capability_CAPABILITY_PARSE_WEBHOOK},
		{CapabilityReportStatus, connectorv1.Capability_CAPABILITY_REPORT_STATUS},
		{CapabilityPrepareStep, connectorv1.Capability_CAPABILITY_PREPARE_STEP},
		{CapabilityDeploy, connectorv1.Capability_CAPABILITY_DEPLOY},
	}
	eventKinds = enum[EventKind, connectorv1.EventKind]{
		{EventPush, connectorv1.EventKind_EVENT_KIND_PUSH},
		{EventTag, connectorv1.EventKind_EVENT_KIND_TAG},
		{EventPullRequest, connectorv1.EventKind_EVENT_KIND_PULL_REQUEST},
		{EventOther, connectorv1.EventKind_EVENT_KIND_OTHER},
	}
	runStates = enum[RunState, connectorv1.RunState]{
		{RunPending, connectorv1.RunState_RUN_STATE_PENDING},
		{RunRunning, connectorv1.RunState_RUN_STATE_RUNNING},
		{RunSuccess, connectorv1.RunState_RUN_STATE_SUCCESS},
		{RunFailed, connectorv1.RunState_RUN_STATE_FAILED},
		{RunCancelled, connectorv1.RunState_RUN_STATE_CANCELLED},
	}
	severities = enum[Severity, connectorv1.Severity]{
		{SeverityError, connectorv1.Severity_SEVERITY_ERROR},
		{SeverityWarning, connectorv1.Severity_SEVERITY_WARNING},
	}
	outcomes = enum[Outcome, connectorv1.Outcome]{
		{OutcomeSucceeded, connectorv1.Outcome_OUTCOME_SUCCEEDED},
		{OutcomeFailed, connectorv1.Outcome_OUTCOME_FAILED},
		{OutcomeCancelled, connectorv1.Outcome_OUTCOME_CANCELLED},
	}
	errorClasses = enum[ErrorClass, connectorv1.ErrorClass]{
		{ClassInvalidConfig, connectorv1.ErrorClass_ERROR_CLASS_INVALID_CONFIG},
		{ClassAuthentication, connectorv1.ErrorClass_ERROR_CLASS_AUTHENTICATION},
		{ClassNotFound, connectorv1.ErrorClass_ERROR_CLASS_NOT_FOUND},
		{ClassExternalService, connectorv1.ErrorClass_ERROR_CLASS_EXTERNAL_SERVICE},
		{ClassTimeout, connectorv1.ErrorClass_ERROR_CLASS_TIMEOUT},
		{ClassCancelled, connectorv1.ErrorClass_ERROR_CLASS_CANCELLED},
		{ClassLost, connectorv1.ErrorClass_ERROR_CLASS_LOST},
		{ClassInternal, connectorv1.ErrorClass_ERROR_CLASS_INTERNAL},
	}
)
