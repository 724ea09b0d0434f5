package notify

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/condition"
)

// words say in a message what happened.
var words = map[core.NotificationEvent]string{
	core.NotifyPending: "is waiting", core.NotifyStart: "started", core.NotifySuccess: "succeeded",
	core.NotifyFailure: "failed", core.NotifyCancel: "was cancelled",
}

// happened is the verb of a message.
func happened(event core.NotificationEvent, e *core.Execution) string {
	if event == core.NotifyFailure && e.Status == core.StatusTimeout {
		return "took too long"
	}
	return words[event]
}

// link is where the run can be looked at; empty without a public address.
func (s *Service) link(e *core.Execution) string {
	if s.options.PublicURL == "" {
		return ""
	}
	return strings.TrimSuffix(s.options.PublicURL, "/") + "/api/ci/executions/" + e.ID
}

// headline is the first line of a message, and its subject.
func (m *message) headline() string {
	e := m.execution
	line := fmt.Sprintf("%s #%d %s", e.PipelineName, e.Number, happened(m.Event, e))
	switch {
	case e.Trigger.Tag != "":
		line += " on " + e.Trigger.Tag
	case e.Trigger.Branch != "":
		line += " on " + e.Trigger.Branch
	}
	return line
}

// defaultText is the message of those who write none.
func (m *message) defaultText() string {
	e := m.execution
	lines := []string{m.headline()}
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, name+": "+value)
		}
	}
	add("Reason", e.Reason)
	for _, step := range m.failed {
		add("Failed", fmt.Sprintf("%s / %s (%s)", step.Stage, step.Name, step.Reason))
	}
	add("Repository", e.Trigger.Repository)
	add("Commit", e.Trigger.CommitHash)
	add("Triggered by", strings.TrimSpace(string(e.Trigger.Type)+" "+e.Trigger.TriggeredBy))
	if took := duration(e); took > 0 {
		add("Duration", took.Round(time.Millisecond).String())
	}
	add("Link", m.link)
	return strings.Join(lines, "\n")
}

// variables are what the texts of a target may use. Secrets are added where they may be.
func (m *message) variables() condition.Variables {
	e := m.execution
	commit := e.Trigger.CommitHash
	var failed []string
	for _, step := range m.failed {
		failed = append(failed, step.Stage+"/"+step.Name)
	}
	return condition.Variables{Branch: e.Trigger.Branch, Tag: e.Trigger.Tag, Event: string(e.Trigger.Type), Commit: commit,
		Repository: e.Trigger.Repository, Params: e.Params,
		Env: map[string]string{
			"CI_PIPELINE_NAME": e.PipelineName, "CI_PIPELINE_ID": e.PipelineID, "CI_EXECUTION_ID": e.ID,
			"CI_BUILD_NUMBER": strconv.FormatInt(e.Number, 10), "CI_COMMIT_SHA": commit, "CI_COMMIT_SHORT_SHA": commit[:min(len(commit), 8)],
			"CI_BRANCH": e.Trigger.Branch, "BRANCH": e.Trigger.Branch, "CI_TAG": e.Trigger.Tag, "CI_EVENT": string(e.Trigger.Type),
			"CI_REPOSITORY": e.Trigger.Repository, "CI_TRIGGERED_BY": e.Trigger.TriggeredBy,
			"CI_STATUS": string(status(m.Event, e)), "CI_REASON": e.Reason, "CI_FAILED_STEPS": strings.Join(failed, ", "),
			"CI_DURATION": duration(e).Round(time.Second).String(), "CI_URL": m.link,
		}}
}

// status is how the run stood at the event, whatever became of it since.
func status(event core.NotificationEvent, e *core.Execution) core.Status {
	switch event {
	case core.NotifyPending:
		return core.StatusPending
	case core.NotifyStart:
		return core.StatusRunning
	default:
		return e.Status
	}
}
