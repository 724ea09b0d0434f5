package core

import (
	"encoding/json"
	"slices"
	"time"
)

// HookPhase is when in the life of a step a hook runs.
type HookPhase string

// The phases of a user's hooks, in the order of a step's life, and those of the
// connector's own: its PreExecute and PostExecute.
const (
	HookPre         HookPhase = "pre"
	HookOnSuccess   HookPhase = "on_success"
	HookOnFailure   HookPhase = "on_failure"
	HookPost        HookPhase = "post"
	HookPreExecute  HookPhase = "pre_execute"
	HookPostExecute HookPhase = "post_execute"
)

// OfConnector reports whether the phase is a call of the step's connector, which has
// no work of its own.
func (p HookPhase) OfConnector() bool { return p == HookPreExecute || p == HookPostExecute }

// Hooks are what runs around a step: Pre before its first attempt, the others after
// its last, Post whatever became of it.
type Hooks struct {
	Pre       []Hook `json:"pre,omitempty" bson:"pre,omitempty"`
	OnSuccess []Hook `json:"on_success,omitempty" bson:"on_success,omitempty"`
	OnFailure []Hook `json:"on_failure,omitempty" bson:"on_failure,omitempty"`
	Post      []Hook `json:"post,omitempty" bson:"post,omitempty"`
}

// Hook is work of a connector that goes with a step.
type Hook struct {
	Name      string `json:"name" bson:"name"`
	Connector string `json:"connector" bson:"connector"`
	// Action is empty for the connector's default action.
	Action string `json:"action,omitempty" bson:"action,omitempty"`
	// Config is a JSON object that only the connector understands.
	Config json.RawMessage `json:"config" bson:"config"`
	// Timeout is never 0: a hook has a bound, since a cancelled step waits for it.
	Timeout Duration `json:"timeout" bson:"timeout"`
	// Environment is added to the step's, and wins over it.
	Environment map[string]string `json:"environment,omitempty" bson:"environment,omitempty"`
	// Secrets names those the hook gets; it does not get the step's.
	Secrets []string `json:"secrets,omitempty" bson:"secrets,omitempty"`
	// ContinueOnError has the step go on after a hook of Pre has failed. The failure
	// of another hook never changes how its step ends.
	ContinueOnError bool `json:"continue_on_error,omitempty" bson:"continue_on_error,omitempty"`
}

// Of returns the hooks of a phase. It is safe on nil.
func (h *Hooks) Of(phase HookPhase) []Hook {
	if h == nil {
		return nil
	}
	switch phase {
	case HookPre:
		return h.Pre
	case HookOnSuccess:
		return h.OnSuccess
	case HookOnFailure:
		return h.OnFailure
	case HookPost:
		return h.Post
	default:
		return nil
	}
}

// All returns the hooks of all phases. It is safe on nil.
func (h *Hooks) All() []Hook {
	if h == nil {
		return nil
	}
	return slices.Concat(h.Pre, h.OnSuccess, h.OnFailure, h.Post)
}

// HookPhasesAfter are the phases that follow a step which ended so, in their order.
// What was cancelled has neither succeeded nor failed.
func HookPhasesAfter(status Status) []HookPhase {
	switch status {
	case StatusSuccess:
		return []HookPhase{HookOnSuccess, HookPost}
	case StatusFailed, StatusTimeout:
		return []HookPhase{HookOnFailure, HookPost}
	default:
		return []HookPhase{HookPost}
	}
}

// HookRun is one run of a hook, or one call of the connector's own.
type HookRun struct {
	Phase HookPhase `json:"phase" bson:"phase"`
	// Index is the hook's place among those of its phase, from 0.
	Index     int    `json:"index" bson:"index"`
	Name      string `json:"name" bson:"name"`
	Connector string `json:"connector" bson:"connector"`
	// Allowed is set on a failed hook whose failure changed nothing for the step.
	Allowed bool `json:"allowed,omitempty" bson:"allowed,omitempty"`
	// Attempt is the hook's work; its number is that of Hooks.Number, and its output is
	// in the log under it. For a call of the connector's own it has no ID, and the
	// number of the attempt that the call was about.
	Attempt Attempt `json:"attempt" bson:"attempt"`
}

// FirstHookNumber is the number of the attempt of a step's first hook: beyond those of
// all attempts at the step itself, so that a log keeps them apart.
const FirstHookNumber = 1 << 15

// userPhases are the phases in the order in which their hooks are numbered.
var userPhases = [...]HookPhase{HookPre, HookOnSuccess, HookOnFailure, HookPost}

// Number returns the number that the attempt of a hook has, in every run.
func (h *Hooks) Number(phase HookPhase, index int) int {
	number := FirstHookNumber + index
	for _, p := range userPhases {
		if p == phase {
			break
		}
		number += len(h.Of(p))
	}
	return number
}

// Label returns "phase/name" of the hook whose attempt has this number; empty when
// there is none. It is safe on nil.
func (h *Hooks) Label(number int) string {
	rest := number - FirstHookNumber
	for _, phase := range userPhases {
		list := h.Of(phase)
		if rest >= 0 && rest < len(list) {
			return string(phase) + "/" + list[rest].Name
		}
		rest -= len(list)
	}
	return ""
}

// Label returns "phase/name", as people and logs call the hook.
func (r *HookRun) Label() string {
	if r.Name == "" {
		return string(r.Phase)
	}
	return string(r.Phase) + "/" + r.Name
}

// IsHook reports whether a record of a log is about a hook of its step.
func (r LogRecord) IsHook() bool { return r.Attempt >= FirstHookNumber }

// Ending is how a step will end when its hooks have.
type Ending struct {
	Status  Status    `json:"status" bson:"status"`
	Allowed bool      `json:"allowed,omitempty" bson:"allowed,omitempty"`
	Reason  string    `json:"reason,omitempty" bson:"reason,omitempty"`
	At      time.Time `json:"at" bson:"at"`
}
