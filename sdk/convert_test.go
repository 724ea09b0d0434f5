package sdk

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"
)

// roundTrip fails when a field of G, or of P, is not converted both ways.
func roundTrip[G any, P any, PM interface {
	*P
	proto.Message
}](toProto func(G) PM, fromProto func(PM) G) func(*testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		want := filled[G](t)
		if got := fromProto(toProto(want)); !reflect.DeepEqual(got, want) {
			t.Errorf("a field of %T does not survive (-sent +received):\n%s", want, cmp.Diff(want, got))
		}
		message := PM(new(P))
		(&filler{t: t}).fillMessage(message.ProtoReflect())
		if got := toProto(fromProto(message)); !proto.Equal(got, message) {
			t.Errorf("a field of %T does not survive (-sent +received):\n%s", message, cmp.Diff(message, got, protocmp.Transform()))
		}
	}
}

func TestConversions(t *testing.T) {
	t.Parallel()
	t.Run("Info", roundTrip(infoToProto, infoFromProto))
	t.Run("RunRequest", roundTrip(runRequestToProto, runRequestFromProto))
	t.Run("Result", roundTrip(resultToProto, resultFromProto))
	t.Run("AttemptRef", roundTrip(attemptRefToProto, attemptRefFromProto))
	t.Run("Step", roundTrip(stepToProto, stepFromProto))
	t.Run("PostExecuteRequest", roundTrip(postExecuteToProto, postExecuteFromProto))
	t.Run("DestroyRequest", roundTrip(destroyRequestToProto, destroyRequestFromProto))
	t.Run("ValidateRequest", roundTrip(validateRequestToProto, validateRequestFromProto))
	t.Run("CheckResult", roundTrip(checkResultToProto, checkResultFromProto))
	t.Run("WebhookRequest", roundTrip(webhookRequestToProto, webhookRequestFromProto))
	t.Run("Webhook", roundTrip(webhookToProto, webhookFromProto))
	t.Run("StatusReport", roundTrip(statusReportToProto, statusReportFromProto))
	t.Run("Plan", roundTrip(planToProto, planFromProto))
	t.Run("Release", roundTrip(releaseToProto, releaseFromProto))
	t.Run("StartInstance", roundTrip(startInstanceToProto, startInstanceFromProto))
	t.Run("CheckInstance", roundTrip(checkInstanceToProto, checkInstanceFromProto))
	t.Run("HealthResult", roundTrip(healthResultToProto, healthResultFromProto))
	t.Run("StopInstance", roundTrip(stopInstanceToProto, stopInstanceFromProto))
	t.Run("RemoveRelease", roundTrip(removeReleaseToProto, removeReleaseFromProto))
	t.Run("InstanceLogs", roundTrip(instanceLogsToProto, instanceLogsFromProto))
	t.Run("InstanceStatus", roundTrip(instanceStatusToProto, instanceStatusFromProto))
	t.Run("Diagnostics", roundTrip(
		func(list []Diagnostic) *connectorv1.ValidateConfigResponse {
			return &connectorv1.ValidateConfigResponse{Diagnostics: diagnosticsToProto(list)}
		},
		func(p *connectorv1.ValidateConfigResponse) []Diagnostic {
			return diagnosticsFromProto(p.GetDiagnostics())
		}))
	t.Run("PreExecuteRequest", roundTrip(
		func(r PreExecuteRequest) *connectorv1.PreExecuteRequest {
			return &connectorv1.PreExecuteRequest{Step: stepToProto(r.Step)}
		},
		func(p *connectorv1.PreExecuteRequest) PreExecuteRequest {
			return PreExecuteRequest{Step: stepFromProto(p.GetStep())}
		}))
}

// TestConversionsOfNothing: a peer may leave out everything.
func TestConversionsOfNothing(t *testing.T) {
	t.Parallel()
	if got := runRequestFromProto(nil); !reflect.DeepEqual(got, RunRequest{}) {
		t.Errorf("got %+v", got)
	}
	if got := resultFromProto(nil); !reflect.DeepEqual(got, Result{}) {
		t.Errorf("got %+v", got)
	}
	if got := runRequestFromProto(runRequestToProto(RunRequest{})); !reflect.DeepEqual(got, RunRequest{}) {
		t.Errorf("got %+v", got)
	}
}

// TestEnums fails when a number of the protocol has no word in Go.
func TestEnums(t *testing.T) {
	t.Parallel()
	t.Run("Capability", completeEnum(capabilities, connectorv1.Capability(0).Descriptor()))
	t.Run("Handover", completeEnum(handovers, connectorv1.Handover(0).Descriptor()))
	t.Run("InstanceState", completeEnum(instanceStates, connectorv1.InstanceState(0).Descriptor()))
	t.Run("Severity", completeEnum(severities, connectorv1.Severity(0).Descriptor()))
	t.Run("Outcome", completeEnum(outcomes, connectorv1.Outcome(0).Descriptor()))
	t.Run("EventKind", completeEnum(eventKinds, connectorv1.EventKind(0).Descriptor()))
	t.Run("RunState", completeEnum(runStates, connectorv1.RunState(0).Descriptor()))
	t.Run("ErrorClass", completeEnum(errorClasses, connectorv1.ErrorClass(0).Descriptor()))
	for _, pair := range errorClasses {
		if _, ok := statusCodes[pair.word]; !ok {
			t.Errorf("class %s has no gRPC code", pair.word)
		}
	}
}

func completeEnum[G ~string, P ~int32](e enum[G, P], descriptor protoreflect.EnumDescriptor) func(*testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		values := descriptor.Values()
		for i := range values.Len() {
			number := P(values.Get(i).Number())
			word := e.fromProto(number)
			if (word == "") != (number == 0) {
				t.Errorf("%s has the word %q", values.Get(i).Name(), word)
			}
			if back := e.toProto(word); back != number {
				t.Errorf("%s comes back as %d", values.Get(i).Name(), back)
			}
		}
		if len(e) != values.Len()-1 {
			t.Errorf("%d words for %d numbers", len(e), values.Len()-1)
		}
		if e.fromProto(P(9999)) != "" || e.toProto("no such word") != 0 {
			t.Error("what is unknown must be unspecified")
		}
	}
}
