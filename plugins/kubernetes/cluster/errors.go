package cluster

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/patchbay-ci/patchbay/sdk"
)

// Explain turns what the cluster, or the way to it, said into an *sdk.Error for
// people. what is the thing that was tried: "create the Job". An error that is one
// already is returned as it is, and so is the cause of a context that ended.
func (c *Cluster) Explain(what string, err error) error {
	var known *sdk.Error
	problem := &sdk.Error{Class: sdk.ClassExternalService, Message: "cannot " + what + ": " + text(err), Err: err}
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case apierrors.IsUnauthorized(err):
		problem.Class = sdk.ClassAuthentication
		problem.Message = "cannot " + what + ": the cluster does not accept the credentials"
		problem.Suggestion = "renew the token or certificate in the kubeconfig"
	case IsQuota(err):
		problem.Suggestion = "wait until others have ended, ask for less, or have the quota raised"
	case apierrors.IsForbidden(err):
		problem.Class = sdk.ClassAuthentication
		problem.Suggestion = "give the identity that right with a Role and a RoleBinding in the namespace"
	case apierrors.IsNotFound(err):
		problem.Class = sdk.ClassNotFound
		if IsNoNamespace(err) {
			problem.Message = "cannot " + what + ": there is no namespace " + c.Namespace
			problem.Suggestion = "create it (kubectl create namespace " + c.Namespace + "), or correct namespace:"
		}
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		problem.Class = sdk.ClassInvalidConfig
	case errors.Is(err, context.DeadlineExceeded), apierrors.IsTimeout(err), apierrors.IsServerTimeout(err):
		problem.Class = sdk.ClassTimeout
		problem.Message = "cannot " + what + ": the cluster did not answer in time"
	case unreachable(err):
		problem.Message = "the cluster at " + c.Config.Host + " cannot be reached: " + text(err)
		problem.Suggestion = "is it up, and does the kubeconfig have its right address?"
	}
	return problem
}

// IsQuota reports whether the request would have exceeded a ResourceQuota.
func IsQuota(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota")
}

// IsNoNamespace reports whether what was not found is the namespace itself.
func IsNoNamespace(err error) bool {
	var status apierrors.APIStatus
	return apierrors.IsNotFound(err) && errors.As(err, &status) &&
		status.Status().Details != nil && status.Status().Details.Kind == "namespaces"
}

// Passing reports whether a request that failed so may succeed when it is made again:
// the cluster restarts, is busy, or cannot be reached.
func Passing(err error) bool {
	return unreachable(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err) || errors.Is(err, context.DeadlineExceeded)
}

// unreachable reports whether there was no answer of the API at all.
func unreachable(err error) bool {
	var status apierrors.APIStatus
	if err == nil || errors.As(err, &status) {
		return false
	}
	var network net.Error
	var request *url.Error
	return errors.As(err, &network) || errors.As(err, &request)
}

// text is an error's message without the parts that only a program reads.
func text(err error) string {
	if err == nil {
		return ""
	}
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	return err.Error()
}
