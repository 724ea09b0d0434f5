package sdktest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/patchbay-ci/patchbay/sdk"
)

// Status is how a check ended.
type Status string

// The statuses.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Report is what one check found, about one case if it needs any.
type Report struct {
	Check string `json:"check"`
	// About says what the check wants to know, in one line.
	About  string `json:"about"`
	Case   string `json:"case,omitempty"`
	Status Status `json:"status"`
	// Message says why a check failed or was skipped.
	Message  string        `json:"message,omitempty"`
	Duration time.Duration `json:"duration"`
}

// Options tell Check what to do.
type Options struct {
	Cases []Case
	// Patience is how long one check may take; 30 seconds if zero. A connector that
	// does not answer fails, it does not hang the kit.
	Patience time.Duration
	// Quiet is how long a heartbeat is watched for being still; one second if zero.
	Quiet time.Duration
	// Observe is called with each report as it comes. Optional.
	Observe func(Report)
}

func (o Options) withDefaults() Options {
	if o.Patience <= 0 {
		o.Patience = 30 * time.Second
	}
	if o.Quiet <= 0 {
		o.Quiet = time.Second
	}
	if o.Observe == nil {
		o.Observe = func(Report) {}
	}
	return o
}

// need says which cases a check is for.
type need int

const (
	noCase need = iota
	anyCase
	endingCase
	endlessCase
)

// check is one rule of the protocol.
type check struct {
	name, about string
	need        need
	run         func(ctx context.Context, k *kit, c *Case) error
}

// checks are in the order in which they are of use to an author.
func checks() []check {
	return []check{
		{"describe", "it says what it is, with schemas that hold", noCase, checkDescribe},
		{"bad config", "a config that its schema refuses is an invalid_config error", noCase, checkBadConfig},
		{"unknown action", "an action that it has not is an invalid_config error", noCase, checkUnknownAction},
		{"destroy unknown", "destroying what never was is no error", noCase, checkDestroyUnknown},
		{"webhook", "it refuses a delivery that is not signed, or wrongly, when there is a secret", noCase, checkWebhook},
		{"deploy unknown", "instances and releases that never were are absent, and no error", noCase, checkDeployUnknown},
		{"deploy", "an instance of its release is started once, outlives the connector, is stopped and removed", endingCase, checkDeploy},
		{"result", "a step ends as expected, its output in order", endingCase, checkResult},
		{"replay", "joined after its end, at any offset: the rest of the output, the same result", endingCase, checkReplay},
		{"detach", "let go of and joined again: nothing lost, nothing done twice", anyCase, checkDetach},
		{"double start", "two calls for one attempt: one work, two equal results", endingCase, checkDoubleStart},
		{"crash", "killed in mid-step and joined by a new process: nothing lost, nothing done twice", anyCase, checkCrash},
		{"cancel", "a cancelled step says so in time and leaves nothing running", endlessCase, checkCancel},
		{"destroy", "a destroyed attempt is gone; destroying it twice is no error", anyCase, checkDestroy},
		{"secrets", "secrets turn up in nothing that it says", anyCase, checkSecrets},
	}
}

// skip is the error of a check that does not apply.
type skip string

func (s skip) Error() string { return string(s) }

// Check runs every check that the cases allow and returns a report for each. It
// closes nothing; target is left running or dead. ctx ends it early.
func Check(ctx context.Context, target Target, options Options) []Report {
	options = options.withDefaults()
	var reports []Report
	for _, c := range checks() {
		for _, report := range c.reports(ctx, target, options) {
			options.Observe(report)
			reports = append(reports, report)
		}
	}
	return reports
}

// reports runs a check on all cases that it is for.
func (c check) reports(ctx context.Context, target Target, options Options) []Report {
	if c.need == noCase {
		return []Report{c.report(ctx, target, options, nil)}
	}
	var reports []Report
	for i := range options.Cases {
		if c.wants(&options.Cases[i]) {
			reports = append(reports, c.report(ctx, target, options, &options.Cases[i]))
		}
	}
	if len(reports) > 0 {
		return reports
	}
	message := "needs a case"
	switch c.need {
	case endingCase:
		message = "needs a case that ends"
	case endlessCase:
		message = "needs an endless case"
	}
	return []Report{{Check: c.name, About: c.about, Status: Skipped, Message: message}}
}

func (c check) wants(k *Case) bool {
	return c.need == anyCase || c.need == endlessCase == k.Endless
}

// report runs a check on one case.
func (c check) report(ctx context.Context, target Target, options Options, on *Case) Report {
	report := Report{Check: c.name, About: c.about, Status: Passed}
	if on != nil {
		report.Case = on.Name
	}
	if ctx.Err() != nil {
		report.Status, report.Message = Skipped, "stopped"
		return report
	}
	started := time.Now()
	err := c.try(ctx, target, options, on)
	report.Duration = time.Since(started)
	var skipped skip
	switch {
	case errors.As(err, &skipped):
		report.Status, report.Message = Skipped, string(skipped)
	case err != nil:
		report.Status, report.Message = Failed, err.Error()
	}
	return report
}

func (c check) try(ctx context.Context, target Target, options Options, on *Case) error {
	if on != nil {
		if err := on.validate(); err != nil {
			return fmt.Errorf("the case is not right: %w", err)
		}
	}
	slow := fmt.Errorf("it took more than %s", options.Patience)
	ctx, cancel := context.WithTimeoutCause(ctx, options.Patience, slow)
	defer cancel()
	client, err := target.Launch(ctx)
	if err != nil {
		return err
	}
	k := &kit{target: target, client: client, options: options}
	defer k.cleanUp()
	if k.info, err = client.Describe(ctx); err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	err = c.run(ctx, k, on)
	if errors.Is(err, sdk.ErrGone) {
		return fmt.Errorf("%w: it crashed, or ended the stream without a result", err)
	}
	return err
}
