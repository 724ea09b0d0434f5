package api

import (
	"net/http"

	"github.com/patchbay-ci/patchbay/core"
)

// ListNotifications serves GET /ci/executions/{id}/notifications.
func (h *handlers) ListNotifications(w http.ResponseWriter, r *http.Request, id Id) {
	if h.Notifications == nil {
		h.absent(w, r, "notifications")
		return
	}
	if _, err := h.Store.Execution(r.Context(), id); err != nil {
		h.fail(w, r, err)
		return
	}
	list, err := h.Notifications.Notifications(r.Context(), id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	views := make([]Notification, 0, len(list))
	for _, n := range list {
		views = append(views, notificationView(n))
	}
	h.answer(w, http.StatusOK, views)
}

// RetryNotification serves POST /ci/executions/{id}/notifications/{notification}/retry.
func (h *handlers) RetryNotification(w http.ResponseWriter, r *http.Request, id Id, notification string) {
	if h.Notifications == nil {
		h.absent(w, r, "notifications")
		return
	}
	n, err := h.Notifications.RetryNotification(r.Context(), id, notification)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusAccepted, notificationView(n))
}

func notificationView(n *core.Notification) Notification {
	view := Notification{Id: n.ID, ExecutionId: n.ExecutionID, Event: NotificationEvent(n.Event), List: n.List, TargetType: n.TargetType,
		Target: n.Target, State: NotificationState(n.State), Attempts: n.Attempts, LastError: some(n.LastError),
		CreatedAt: n.CreatedAt, UpdatedAt: n.UpdatedAt, SentAt: n.SentAt}
	if n.State == core.NotificationPending {
		view.NextAt = &n.NextAt
	}
	return view
}
