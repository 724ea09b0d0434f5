package api

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/patchbay-ci/patchbay/core"
)

// shownPayload is how much of a body a delivery is shown with.
const shownPayload = 256 << 10

// ListDeliveries serves GET /ci/pipelines/{id}/webhook/deliveries.
func (h *handlers) ListDeliveries(w http.ResponseWriter, r *http.Request, id Id, params ListDeliveriesParams) {
	if h.Webhooks == nil {
		h.absent(w, r, "webhooks")
		return
	}
	if _, err := h.Store.Pipeline(r.Context(), id); err != nil {
		h.fail(w, r, err)
		return
	}
	h.listDeliveries(w, r, core.DeliveryFilter{PipelineID: id}, params.Status, params.Limit, params.After)
}

// ListConnectorDeliveries serves GET /webhooks/{connector}/deliveries.
func (h *handlers) ListConnectorDeliveries(w http.ResponseWriter, r *http.Request, connector Sender, params ListConnectorDeliveriesParams) {
	if h.Webhooks == nil {
		h.absent(w, r, "webhooks")
		return
	}
	h.listDeliveries(w, r, core.DeliveryFilter{Connector: connector}, params.Status, params.Limit, params.After)
}

func (h *handlers) listDeliveries(w http.ResponseWriter, r *http.Request, filter core.DeliveryFilter, status *DeliveryStatus, limit *int, after *string) {
	page, err := pageOf(limit, after)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	filter.Page, filter.Status = page, core.DeliveryStatus(value(status))
	if filter.Status != "" && !slices.Contains(core.DeliveryStatuses(), filter.Status) {
		h.fail(w, r, &core.Error{Code: core.CodeInvalid, Message: fmt.Sprintf("there is no status %q of deliveries", filter.Status),
			Suggestions: []string{fmt.Sprintf("use one of %v", core.DeliveryStatuses())}})
		return
	}
	list, err := h.Deliveries.Deliveries(r.Context(), filter)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	body := make([]Delivery, 0, len(list))
	for _, d := range list {
		body = append(body, deliveryView(d, filter.PipelineID))
	}
	if len(list) > 0 {
		linkNext(w, r, page, len(list), list[len(list)-1].ID)
	}
	h.answer(w, http.StatusOK, body)
}

// deliveryView shows a delivery to those who may see a pipeline, or, with "", all.
func deliveryView(d *core.Delivery, pipelineID string) Delivery {
	headers := d.Headers
	if headers == nil {
		headers = map[string]string{}
	}
	view := Delivery{Id: d.ID, PipelineId: some(d.PipelineID), Connector: d.Connector, SenderId: d.SenderID, Event: some(d.Event),
		Headers: headers, Size: d.Size, Sha256: some(d.SHA256), Status: DeliveryStatus(d.Status), Reason: some(d.Reason),
		ExecutionIds: executionsOf(d, pipelineID), RedeliveryOf: some(d.RedeliveryOf), RedeliveredBy: some(d.RedeliveredBy), ReceivedAt: d.ReceivedAt}
	if e := d.Occurred; e != nil {
		view.Repository, view.Branch, view.Tag = some(e.Repository), some(e.Branch), some(e.Tag)
		view.CommitHash, view.Title, view.Author = some(e.Commit), some(e.Title), some(e.Author)
	}
	return view
}

// deliveryOf returns a delivery that is one of the pipeline's. It has answered when it
// is not ok.
func (h *handlers) deliveryOf(w http.ResponseWriter, r *http.Request, pipelineID, id string) (d *core.Delivery, ok bool) {
	if h.Webhooks == nil {
		h.absent(w, r, "webhooks")
		return nil, false
	}
	_, err := h.Store.Pipeline(r.Context(), pipelineID)
	if err == nil {
		d, err = h.Deliveries.Delivery(r.Context(), id)
	}
	if err == nil && !slices.Contains(d.PipelineIDs(), pipelineID) {
		err = core.NotFound("delivery", id)
	}
	if err != nil {
		h.fail(w, r, err)
		return nil, false
	}
	return d, true
}

// GetDelivery serves GET /ci/pipelines/{id}/webhook/deliveries/{delivery}.
func (h *handlers) GetDelivery(w http.ResponseWriter, r *http.Request, id Id, delivery DeliveryId) {
	d, ok := h.deliveryOf(w, r, id, delivery)
	if !ok {
		return
	}
	view := deliveryView(d, id)
	payload, err := h.beginning(r, d)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if len(payload) > shownPayload {
		at := shownPayload
		for at > 0 && !utf8.RuneStart(payload[at]) {
			at--
		}
		payload = payload[:at]
		truncated := true
		view.PayloadTruncated = &truncated
	}
	if utf8.Valid(payload) && payload != nil {
		text := string(payload)
		view.Payload = &text
	}
	h.answer(w, http.StatusOK, view)
}

// beginning returns what is shown of a body and a byte more, nil when it is not kept.
func (h *handlers) beginning(r *http.Request, d *core.Delivery) ([]byte, error) {
	body, err := h.Webhooks.Body(r.Context(), d)
	if core.CodeOf(err) == core.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, shownPayload+1))
}

// GetDeliveryPayload serves GET /ci/pipelines/{id}/webhook/deliveries/{delivery}/payload.
// A browser saves it: it is whatever somebody has sent.
func (h *handlers) GetDeliveryPayload(w http.ResponseWriter, r *http.Request, id Id, delivery DeliveryId) {
	d, ok := h.deliveryOf(w, r, id, delivery)
	if !ok {
		return
	}
	body, err := h.Webhooks.Body(r.Context(), d)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer body.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+d.ID+`"`)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.FormatInt(d.Size, 10))
	if _, err := io.Copy(w, body); err != nil {
		h.Logger.Debug("the body of a delivery could not be sent", "error", err)
	}
}

// Redeliver serves POST /ci/pipelines/{id}/webhook/deliveries/{delivery}/redeliver.
func (h *handlers) Redeliver(w http.ResponseWriter, r *http.Request, id Id, delivery DeliveryId) {
	d, ok := h.deliveryOf(w, r, id, delivery)
	if !ok {
		return
	}
	again, err := h.Webhooks.Redeliver(r.Context(), d.ID, id, user(r.Context()))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.accepted(w, again, id, false)
}
