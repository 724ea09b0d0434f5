package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/patchbay-ci/patchbay/core"
)

// The headers of a webhook. Signature is "t=<seconds since 1970>,v1=<hex>", where the
// latter is HMAC-SHA256 (RFC 2104) with the pipeline's webhook_secret over the time, a
// dot and the body.
const (
	HeaderDelivery  = "X-Patchbay-Delivery"
	HeaderEvent     = "X-Patchbay-Event"
	HeaderSignature = "X-Patchbay-Signature"
)

// Payload is the body of a webhook.
type Payload struct {
	// ID is the same at each try: receivers tell repeats by it.
	ID      string                 `json:"id"`
	Event   core.NotificationEvent `json:"event"`
	Message string                 `json:"message"`
	// Time is when the message was thought of, not when it was sent.
	Time      time.Time        `json:"time"`
	Execution PayloadExecution `json:"execution"`
	Failed    []PayloadStep    `json:"failed_steps"`
}

// PayloadExecution is the run that a webhook tells of.
type PayloadExecution struct {
	ID           string           `json:"id"`
	PipelineID   string           `json:"pipeline_id"`
	PipelineName string           `json:"pipeline_name"`
	Number       int64            `json:"number"`
	Status       core.Status      `json:"status"`
	Reason       string           `json:"reason,omitempty"`
	Trigger      core.TriggerInfo `json:"trigger_info"`
	StartedAt    *time.Time       `json:"started_at,omitempty"`
	FinishedAt   *time.Time       `json:"finished_at,omitempty"`
	// Duration is in seconds.
	Duration float64 `json:"duration,omitempty"`
	URL      string  `json:"url,omitempty"`
}

// PayloadStep is a step that failed.
type PayloadStep struct {
	Stage  string      `json:"stage"`
	Name   string      `json:"name"`
	Status core.Status `json:"status"`
	Reason string      `json:"reason,omitempty"`
}

// Sign returns the value of HeaderSignature.
func Sign(secret string, at time.Time, body string) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "." + body))
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

func (s *Service) sendWebhook(ctx context.Context, m *message) error {
	if m.config[keyURL] == "" {
		return permanent("the webhook has no webhook_url")
	}
	body, err := json.Marshal(m.payload())
	if err != nil {
		return permanent("the message cannot be written: %v", err)
	}
	header := http.Header{"Content-Type": {"application/json"}, HeaderDelivery: {m.ID}, HeaderEvent: {string(m.Event)}}
	if secret := m.config[keySecret]; secret != "" {
		header.Set(HeaderSignature, Sign(secret, time.Now(), string(body)))
	}
	_, err = s.post(ctx, m.config[keyURL], header, string(body))
	return err
}

func (m *message) payload() Payload {
	e := m.execution
	p := Payload{ID: m.ID, Event: m.Event, Message: m.text, Time: m.CreatedAt, Failed: []PayloadStep{},
		Execution: PayloadExecution{ID: e.ID, PipelineID: e.PipelineID, PipelineName: e.PipelineName, Number: e.Number,
			Status: status(m.Event, e), Reason: e.Reason, Trigger: e.Trigger, StartedAt: e.StartedAt, FinishedAt: e.FinishedAt,
			Duration: duration(e).Seconds(), URL: m.link}}
	p.Execution.Trigger.ChangedPaths = nil // there may be thousands
	for _, step := range m.failed {
		p.Failed = append(p.Failed, PayloadStep{Stage: step.Stage, Name: step.Name, Status: step.Status, Reason: step.Reason})
	}
	return p
}
