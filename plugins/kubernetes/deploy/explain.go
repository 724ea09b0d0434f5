package deploy

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/patchbay-ci/patchbay/sdk"
)

// refused is what the cluster would not do, for the step's user to put right: the step
// failed, the connector did not.
type refused struct {
	message string
	// lines say more, in the step's output.
	lines []string
}

func (r *refused) Error() string { return r.message }

// explain makes of what a request came back with what a user can act on: an *sdk.Error
// when the cluster could not be asked or does not let this identity, and a *refused
// when it said no to what was asked.
func (c *client) explain(doing string, err error) error {
	var typed *sdk.Error
	var no *refused
	status := apierrors.APIStatus(nil)
	switch {
	case err == nil || errors.As(err, &typed) || errors.As(err, &no):
		return err
	case apierrors.IsUnauthorized(err):
		return &sdk.Error{Class: sdk.ClassAuthentication, Err: err,
			Message:    fmt.Sprintf("%s: %s does not accept the credentials", doing, c.label()),
			Suggestion: "see that the token or certificate in the kubeconfig is right and has not expired"}
	case errors.Is(err, context.Canceled):
		return err
	case !errors.As(err, &status):
		return &sdk.Error{Class: sdk.ClassExternalService, Err: err,
			Message:    fmt.Sprintf("%s: %s at %s does not answer: %v", doing, c.label(), c.Config.Host, innermost(err)),
			Suggestion: "see that the address in the kubeconfig is right and can be reached from here"}
	}
	if missing := missingRight(status.Status()); missing != nil {
		return missing
	}
	return &refused{message: doing + ": " + status.Status().Message, lines: conflicts(status.Status())}
}

// innermost is the cause without the request's own words around it.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// conflicts says, for server-side apply, who owns which field (the causes of a
// conflict, https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts).
func conflicts(status metav1.Status) []string {
	if status.Details == nil {
		return nil
	}
	var lines []string
	for _, cause := range status.Details.Causes {
		if cause.Type == metav1.CauseTypeFieldManagerConflict {
			owner := strings.TrimPrefix(cause.Message, "conflict with ")
			lines = append(lines, fmt.Sprintf("  %s is owned by %s", cause.Field, owner))
		}
	}
	return lines
}

// isConflict says whether fields of the object belong to others.
func isConflict(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && len(conflicts(status.Status())) > 0
}

// onlyWith says whether all fields in conflict belong to one owner.
func onlyWith(err error, owner string) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	lines := conflicts(status.Status())
	return len(lines) > 0 && !slices.ContainsFunc(lines, func(line string) bool {
		return !strings.Contains(line, fmt.Sprintf(" is owned by %q", owner))
	})
}

// cannot fits what Kubernetes' authorisers say (apiserver, responsewriters.ForbiddenStatusError).
var cannot = regexp.MustCompile(`User "([^"]*)" cannot (\S+) resource "([^"]+)" in API group "([^"]*)"(?: in the namespace "([^"]+)")?`)

// missingRight returns an error that names the right which is missing, or nil when the
// refusal is about something else, such as a quota.
func missingRight(status metav1.Status) error {
	if status.Reason != metav1.StatusReasonForbidden {
		return nil
	}
	found := cannot.FindStringSubmatch(status.Message)
	if found == nil {
		return nil
	}
	right := right{verb: found[2], resource: found[3], group: found[4], namespace: found[5]}
	return &sdk.Error{Class: sdk.ClassAuthentication, Message: right.missing(found[1]), Suggestion: right.suggestion(found[1])}
}

// failed is how a step ends whose request was refused: the details are in its output.
// Other errors stay what they are.
func failed(out *journal, err error) (sdk.Result, error) {
	var no *refused
	if !errors.As(err, &no) {
		return sdk.Result{}, err
	}
	out.say("error: %s", no.message)
	for _, line := range no.lines {
		out.say("%s", line)
	}
	return sdk.Failed("%s", firstLine(no.message)), nil
}

func firstLine(text string) string {
	line, _, more := strings.Cut(text, "\n")
	if more {
		line += " …"
	}
	return line
}
