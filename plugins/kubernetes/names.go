package main

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
)

// The labels by which an operator finds what steps have in a cluster, and the
// connector what it may remove.
const (
	labelAttempt   = "ci.patchbay.attempt"
	labelConnector = "ci.patchbay.connector"
	labelOwner     = "ci.patchbay.owner" // the server, see sweep.go
	labelManagedBy = "app.kubernetes.io/managed-by"

	// annotationAttempt has an ID that may be too long for a label, and
	// annotationFolder the folder that the host keeps until nothing of the attempt is
	// needed.
	annotationAttempt = "ci.patchbay.attempt-id"
	annotationFolder  = "ci.patchbay.attempt-folder"
)

// The containers of a step's pod.
const (
	stepContainer  = "step"
	bringContainer = "files-in"  // waits until the files are in; an init container
	cloneContainer = "clone"     // an init container
	filesContainer = "files-out" // is there as long as files have to be copied out
)

const namePrefix = "patchbay-"

var nameable = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?$`)

// jobName is the name that an attempt's Job has, and nobody else's; what belongs to
// the Job is called the same.
func jobName(attemptID string) string {
	return namePrefix + attemptLabel(attemptID)
}

// attemptLabel is an attempt's ID, or what stands for one that no name can hold.
func attemptLabel(attemptID string) string {
	if nameable.MatchString(attemptID) {
		return attemptID
	}
	sum := sha256.Sum256([]byte(attemptID))
	return "x-" + hex.EncodeToString(sum[:20])
}

// ofAttempt selects what belongs to an attempt.
func ofAttempt(attemptID string) string {
	return labelConnector + "=kubernetes," + labelAttempt + "=" + attemptLabel(attemptID)
}
