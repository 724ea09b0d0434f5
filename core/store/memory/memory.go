// Package memory keeps everything in memory: for `patchbay run`, which leaves
// nothing, and for tests.
package memory

import (
	"context"
	"slices"
	"sync"

	"github.com/patchbay-ci/patchbay/core"
)

// Store implements core.Store. It is safe for concurrent use. Documents are copied
// on their way in and out.
type Store struct {
	mu         sync.RWMutex
	pipelines  map[string]core.Pipeline
	revisions  map[string][]core.PipelineRevision // by pipeline, in order
	numbers    map[string]int64                   // last execution number, by pipeline
	executions map[string]core.Execution
	order      []string                        // IDs of executions, ascending
	steps      map[string]map[int]core.StepRun // by execution
	tokens     map[string]core.Token           // by hash
	secrets    map[secretKey]core.Secret
	artifacts  map[string]core.Artifact
	caches     map[string]core.CacheEntry
	settings   map[string][]byte
	users      map[string]core.User
	grants     map[grantKey]core.Grant
	sessions   map[string]core.Session
	keys       map[string]core.SigningKey
	audit      []core.AuditEntry // by ID
	deliveries map[string]delivery
	senders    map[senderKey]string // ID of the delivery
	keyed      map[string]core.KeyedRequest

	notifications map[string]core.Notification
	deploying     deploymentTables
}

// New makes an empty store.
func New() *Store {
	return &Store{pipelines: map[string]core.Pipeline{}, revisions: map[string][]core.PipelineRevision{},
		numbers: map[string]int64{}, executions: map[string]core.Execution{},
		steps: map[string]map[int]core.StepRun{}, tokens: map[string]core.Token{},
		secrets: map[secretKey]core.Secret{}, artifacts: map[string]core.Artifact{},
		caches: map[string]core.CacheEntry{}, settings: map[string][]byte{},
		users: map[string]core.User{}, grants: map[grantKey]core.Grant{},
		sessions: map[string]core.Session{}, keys: map[string]core.SigningKey{},
		deliveries: map[string]delivery{}, senders: map[senderKey]string{},
		keyed:         map[string]core.KeyedRequest{},
		notifications: map[string]core.Notification{}, deploying: newDeploymentTables()}
}

// Kind implements core.Store.
func (s *Store) Kind() string { return "memory" }

// Ping implements core.Store.
func (s *Store) Ping(ctx context.Context) error { return ctx.Err() }

// Close implements core.Store.
func (s *Store) Close() error { return nil }

// page applies a Page to IDs in ascending order; the newest come first.
func page(ids []string, p core.Page, wanted func(string) bool) []string {
	limit := min(p.Limit, core.MaxPageLimit)
	if limit <= 0 {
		limit = core.DefaultPageLimit
	}
	if p.After != "" {
		at, _ := slices.BinarySearch(ids, p.After)
		ids = ids[:at]
	}
	var out []string
	for _, id := range slices.Backward(ids) {
		if wanted(id) {
			if out = append(out, id); len(out) == limit {
				break
			}
		}
	}
	return out
}
