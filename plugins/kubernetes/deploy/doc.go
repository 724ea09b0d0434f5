// Package deploy brings things into a Kubernetes cluster and watches them come up:
// manifests by server-side apply, charts by Helm's library, earlier revisions by
// rolling back. It also says beforehand what would be done (Plan, render) and whether
// it may and can be done (validate).
//
// What it makes in a cluster stays there: that is what a deployment is for. Only the
// work itself belongs to an attempt. It is done once for an attempt, however often
// that is joined (see performer), and each of its parts may be done again without
// harm after a kill.
package deploy
