package deploy

import (
	"cmp"
	"slices"
)

// kindOrder is the order in which kinds are applied: what others need comes first.
// Kinds that are not in it are instances of custom definitions and the like; they come
// after all but what could stop others from being made.
var kindOrder = []string{
	"Namespace", "CustomResourceDefinition", "PriorityClass", "RuntimeClass", "StorageClass", "IngressClass",
	"ResourceQuota", "LimitRange", "NetworkPolicy", "PodDisruptionBudget", "ServiceAccount", "Secret", "ConfigMap",
	"PersistentVolume", "PersistentVolumeClaim", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding",
	"Service", "DaemonSet", "Pod", "ReplicationController", "ReplicaSet", "Deployment", "StatefulSet",
	"HorizontalPodAutoscaler", "Job", "CronJob", "Ingress",
	"", // all others
	"APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
	"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
}

func rank(kind string) int {
	if at := slices.Index(kindOrder, kind); at >= 0 {
		return at
	}
	return slices.Index(kindOrder, "")
}

// inOrder sorts by kind; within a kind the order stays as it was given.
func inOrder[T any](all []T, kind func(T) string) {
	slices.SortStableFunc(all, func(a, b T) int { return cmp.Compare(rank(kind(a)), rank(kind(b))) })
}

// inReverse sorts as things are removed: what needs others goes first.
func inReverse[T any](all []T, kind func(T) string) {
	slices.SortStableFunc(all, func(a, b T) int { return cmp.Compare(rank(kind(b)), rank(kind(a))) })
}
