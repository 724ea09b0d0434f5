// Package idempotency makes requests that have a key happen once: repeated, also after
// the server was killed, they do nothing again and are answered as the first time. It
// follows draft-ietf-httpapi-idempotency-key-header, but knows nothing of HTTP.
package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
)

// Retention is how long a key is remembered.
const Retention = 24 * time.Hour

// sweepEvery is how often what has expired is removed.
const sweepEvery = time.Hour

// Service keeps who asked for what under which key. It is safe for concurrent use.
//
// One process uses a store at a time, and has an ID of its own: work that is owned by
// another one was left by a process that died, and is taken over.
type Service struct {
	store core.KeyedRequestStore
	owner string
	log   hclog.Logger
	now   func() time.Time
}

// New makes the service of one process. It fails only when there is no randomness.
func New(store core.KeyedRequestStore, log hclog.Logger) (*Service, error) {
	owner, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("make an ID: %w", err)
	}
	return &Service{store: store, owner: owner.String(), log: log, now: time.Now}, nil
}

// Request is what a client sends with a key.
type Request struct {
	// Who asks, and for which operation: a key is good for one of each.
	Who, Operation, Key string
	// Content is what makes the request another one: path and body.
	Content []byte
	// Made reports whether there is something of an ID: whether an attempt that was
	// broken off got so far. It may be nil for what makes nothing.
	Made func(ctx context.Context, id string) (bool, error)
}

// Work is a request that was let in.
type Work struct {
	// TargetID is the ID of what is to be made.
	TargetID string
	// Answer is that of the first time: there is nothing left to do.
	Answer *core.KeptAnswer
	// Made says that the thing was made by an attempt that never answered: what is left
	// is to answer.
	Made bool

	request *core.KeyedRequest
}

// Begin lets a request in. It returns CodeUnprocessable when the key was used for another
// request, and CodeConflict when the same one is being worked on. Finish or Release has to
// follow, unless there is an answer already.
func (s *Service) Begin(ctx context.Context, r Request) (*Work, error) {
	target, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make an ID: %w", err)
	}
	now := s.now().UTC()
	mine := &core.KeyedRequest{ID: digest([]byte(r.Who), []byte(r.Operation), []byte(r.Key)), Fingerprint: digest(r.Content),
		Owner: s.owner, TargetID: target.String(), CreatedAt: now, ExpiresAt: now.Add(Retention)}
	err = s.store.CreateKeyedRequest(ctx, mine)
	if core.CodeOf(err) != core.CodeConflict {
		return &Work{TargetID: mine.TargetID, request: mine}, err
	}
	stored, err := s.store.KeyedRequest(ctx, mine.ID)
	switch {
	case core.CodeOf(err) == core.CodeNotFound: // it failed a moment ago
		return nil, goingOn()
	case err != nil:
		return nil, err
	case stored.ExpiresAt.Before(now):
		mine.Version = stored.Version
		return &Work{TargetID: mine.TargetID, request: mine}, s.take(ctx, mine)
	case stored.Fingerprint != mine.Fingerprint:
		return nil, &core.Error{Code: core.CodeUnprocessable, Message: "this Idempotency-Key was used for another request",
			Suggestions: []string{"use a new key for a new request, and the same only to repeat one"}}
	case stored.Answer != nil:
		return &Work{TargetID: stored.TargetID, Answer: stored.Answer}, nil
	case stored.Owner == s.owner:
		return nil, goingOn()
	}
	return s.takeOver(ctx, stored, mine.TargetID, r)
}

// takeOver goes on with what a process that died has left. What it had not made gets
// another ID: parts of it may be stored under the old one.
func (s *Service) takeOver(ctx context.Context, stored *core.KeyedRequest, fresh string, r Request) (*Work, error) {
	made := false
	if r.Made != nil {
		var err error
		if made, err = r.Made(ctx, stored.TargetID); err != nil {
			return nil, err
		}
	}
	if !made {
		stored.TargetID = fresh
	}
	stored.Owner = s.owner
	return &Work{TargetID: stored.TargetID, Made: made, request: stored}, s.take(ctx, stored)
}

// take claims what nobody owns; of several who try, one gets it.
func (s *Service) take(ctx context.Context, r *core.KeyedRequest) error {
	err := s.store.UpdateKeyedRequest(ctx, r)
	if code := core.CodeOf(err); code == core.CodeConflict || code == core.CodeNotFound {
		return goingOn()
	}
	return err
}

// Finish keeps the answer. It is on disk when Finish returns.
func (s *Service) Finish(ctx context.Context, w *Work, answer core.KeptAnswer) error {
	w.request.Answer = &answer
	return s.store.UpdateKeyedRequest(ctx, w.request)
}

// Release forgets a request that was refused: nothing was done, and the same key is good
// for another try, or for another request.
func (s *Service) Release(ctx context.Context, w *Work) error {
	return s.store.DeleteKeyedRequest(ctx, w.request.ID)
}

// Abandon leaves a request of which nobody knows how far it got. The next who sends it
// finds out.
func (s *Service) Abandon(ctx context.Context, w *Work) error {
	w.request.Owner = ""
	return s.store.UpdateKeyedRequest(ctx, w.request)
}

// Maintain removes what has expired, until ctx is done.
func (s *Service) Maintain(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		if _, err := s.store.DeleteKeyedRequests(ctx, s.now()); err != nil && ctx.Err() == nil {
			s.log.Warn("expired keys of requests could not be removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func goingOn() error {
	return &core.Error{Code: core.CodeConflict, Message: "a request with the same Idempotency-Key is still going on",
		Suggestions: []string{"wait a moment, and send the same again"}}
}

// digest is the SHA-256 of parts, which it keeps apart by their lengths.
func digest(parts ...[]byte) string {
	hash := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(hash, "%d:", len(part))
		hash.Write(part)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
