package notify

import (
	"context"
	"errors"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/sdk"
)

// runStates are the states of runs in the words of the plugin protocol.
var runStates = map[core.NotificationEvent]sdk.RunState{
	core.NotifyPending: sdk.RunPending, core.NotifyStart: sdk.RunRunning, core.NotifySuccess: sdk.RunSuccess,
	core.NotifyFailure: sdk.RunFailed, core.NotifyCancel: sdk.RunCancelled,
}

// keyStatus is what a forge shows the status under; false is none at all.
const keyStatus = "github_status"

// errNoStatus is a connector that cannot do it.
var errNoStatus = errors.New("the connector cannot report the status of commits")

// sendStatus has a connector tell its forge how the commit's run stands.
func (s *Service) sendStatus(ctx context.Context, m *message) error {
	e := m.execution
	label := m.config[keyStatus]
	switch {
	case label == "false":
		return skipped("the pipeline wants no status here")
	case e.Trigger.CommitHash == "" || e.Trigger.Repository == "":
		return skipped("the run does not name a repository and a commit to report on")
	case s.options.Connectors == nil:
		return permanent("this server has no connectors")
	case label == "" || label == "true":
		label = "patchbay/" + e.PipelineName
	}
	report := sdk.StatusReport{Repository: e.Trigger.Repository, Commit: e.Trigger.CommitHash, State: runStates[m.Event],
		Description: short(m.about()), URL: m.link, Context: label}
	var err error
	if report.Secrets, err = s.connectorSecrets(ctx, m); err != nil {
		return err
	}
	err = s.options.Connectors.Use(ctx, m.TargetType, func(client *sdk.Client, info sdk.Info) error {
		if !info.Has(sdk.CapabilityReportStatus) {
			return errNoStatus
		}
		return client.ReportStatus(ctx, report)
	})
	return unreported(m.TargetType, err)
}

// about is the line beside a status: forges show the name and the result themselves.
func (m *message) about() string {
	if text := m.config["message"]; text != "" {
		return text
	}
	text := "build #" + m.variables().Env["CI_BUILD_NUMBER"] + " " + happened(m.Event, m.execution)
	if m.execution.Reason != "" {
		text += ": " + m.execution.Reason
	}
	return text
}

// connectorSecrets are those that the connector wants, as far as there are any. One that
// it cannot do without and that is missing fails a report that the file asks for; a
// report that nobody asked for is let be.
func (s *Service) connectorSecrets(ctx context.Context, m *message) (map[string]string, error) {
	info, err := s.options.Connectors.Connector(ctx, m.TargetType)
	if core.CodeOf(err) == core.CodeNotFound {
		return nil, permanent("the connector %s is not installed", m.TargetType)
	}
	if err != nil {
		return nil, passing("the connector %s cannot be used: %v", m.TargetType, err)
	}
	given := map[string]string{}
	for _, need := range info.Secrets {
		values, err := s.resolve(ctx, m, []string{need.Name})
		var f *failure
		switch {
		case err == nil:
			given[need.Name] = values[need.Name]
		case errors.As(err, &f) && !f.permanent:
			return nil, err
		case need.Required && m.List == core.ForgeList:
			return nil, skipped("the status is not reported: %v", err)
		case need.Required:
			return nil, err
		}
	}
	return given, nil
}

// unreported says why a forge was not told.
func unreported(connector string, err error) error {
	var broken *sdk.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNoStatus):
		return permanent("%s: %v", connector, errNoStatus)
	case errors.Is(err, context.DeadlineExceeded):
		return passing("%s did not answer in time", connector)
	case errors.Is(err, sdk.ErrGone):
		return passing("the connector %s ended while it reported", connector)
	case !errors.As(err, &broken):
		return passing("%s: %v", connector, err)
	}
	text := connector + ": " + broken.Message
	if broken.Suggestion != "" {
		text += " (" + broken.Suggestion + ")"
	}
	switch broken.Class {
	case sdk.ClassInvalidConfig, sdk.ClassAuthentication, sdk.ClassNotFound:
		return &failure{text: text, permanent: true}
	}
	return &failure{text: text}
}
