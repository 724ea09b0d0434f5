package api

import (
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/patchbay-ci/patchbay/core"
)

// receives reports whether a request is a delivery: its signature lets it in.
func receives(r *http.Request) bool {
	if r.Method != http.MethodPost {
		return false
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/"), "/")
	return len(parts) == 2 && parts[0] == "webhooks" ||
		len(parts) == 4 && parts[0] == "ci" && parts[1] == "pipelines" && parts[3] == "webhook"
}

// ReceivePipelineWebhook serves POST /ci/pipelines/{id}/webhook.
func (h *handlers) ReceivePipelineWebhook(w http.ResponseWriter, r *http.Request, id Id) {
	h.receive(w, r, core.IncomingDelivery{PipelineID: id})
}

// ReceiveWebhook serves POST /webhooks/{connector}.
func (h *handlers) ReceiveWebhook(w http.ResponseWriter, r *http.Request, connector Sender) {
	h.receive(w, r, core.IncomingDelivery{Connector: connector})
}

// receive answers when the delivery is stored and what it starts is there.
func (h *handlers) receive(w http.ResponseWriter, r *http.Request, in core.IncomingDelivery) {
	if h.Webhooks == nil {
		h.absent(w, r, "webhooks")
		return
	}
	if err := checkDelivery(r); err != nil {
		h.fail(w, r, err)
		return
	}
	body, done, err := h.deliveries.read(http.MaxBytesReader(w, r.Body, core.MaxDelivery), core.MaxDelivery)
	if err != nil {
		h.failDelivery(w, r, err)
		return
	}
	defer done()
	in.Body, in.Headers = body, make(map[string]string, len(r.Header)+1)
	for name, values := range r.Header {
		in.Headers[strings.ToLower(name)] = values[0]
	}
	delivery, again, err := h.Webhooks.Receive(r.Context(), in)
	if err != nil {
		h.failDelivery(w, r, err)
		return
	}
	h.accepted(w, delivery, in.PipelineID, again)
}

// failDelivery says when to try again, where that may help.
func (h *handlers) failDelivery(w http.ResponseWriter, r *http.Request, err error) {
	if core.CodeOf(err) == core.CodeUnavailable {
		w.Header().Set("Retry-After", "10")
	}
	h.fail(w, r, err)
}

// checkDelivery refuses, before anything is read, what no sender sends.
func checkDelivery(r *http.Request) error {
	if r.ContentLength > core.MaxDelivery {
		return tooLargeError(core.MaxDelivery)
	}
	given := r.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(given)
	if err == nil && (kind == "application/json" || kind == "application/x-www-form-urlencoded" ||
		strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")) {
		return nil
	}
	return &core.Error{Code: core.CodeUnsupportedMedia, Message: fmt.Sprintf("the content type of the delivery is %.80q", given),
		Suggestions: []string{"send application/json"}}
}

// accepted answers for a stored delivery; of several pipelines' executions, pipelineID
// wants only its own.
func (h *handlers) accepted(w http.ResponseWriter, d *core.Delivery, pipelineID string, again bool) {
	executions := executionsOf(d, pipelineID)
	body := DeliveryAccepted{DeliveryId: d.ID, Status: DeliveryStatus(d.Status), ExecutionIds: &executions}
	if len(executions) > 0 {
		body.ExecutionId = &executions[0]
		w.Header().Set("Location", "/api/ci/executions/"+executions[0])
	}
	switch d.Status {
	case core.DeliveryTriggered:
		body.Message = "the pipeline will run"
		if len(executions) > 1 {
			body.Message = strconv.Itoa(len(executions)) + " pipelines will run"
		}
	case core.DeliveryReceived:
		body.Message = "the delivery is stored; what it starts will run"
	case core.DeliveryFailed:
		body.Message = "nothing could be started: " + d.Reason
	default:
		body.Message = "nothing is started: " + d.Reason
	}
	if again {
		body.Message = "this delivery came before; then: " + body.Message
	}
	h.answer(w, http.StatusAccepted, body)
}

// executionsOf lists what a delivery has started, or will.
func executionsOf(d *core.Delivery, pipelineID string) []string {
	executions := []string{}
	for _, t := range d.Targets {
		if t.Error == "" && (pipelineID == "" || t.PipelineID == pipelineID) {
			executions = append(executions, t.ExecutionID)
		}
	}
	return executions
}
