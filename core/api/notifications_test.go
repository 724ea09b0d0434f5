package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/patchbay-ci/patchbay/core"
	"github.com/patchbay-ci/patchbay/core/notify"
)

func TestNotifications(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(h *handlers) {
		h.Notifications = notify.New(notify.Options{Store: h.Store.(core.Store), Logger: hclog.NewNullLogger()})
	})
	id := b.trigger(b.create())
	path := "/api/ci/executions/" + id + "/notifications"
	if a := b.do("GET", path, "", ""); a.status != http.StatusOK || strings.TrimSpace(a.body) != "[]" {
		t.Errorf("%+v", a)
	}
	at := time.Now().UTC()
	for i, state := range []core.NotificationState{core.NotificationPending, core.NotificationFailed, core.NotificationSent, core.NotificationSkipped} {
		n := &core.Notification{ID: id + ".x." + string(state), ExecutionID: id, Event: core.NotifyFailure, List: "on_failure", Index: i,
			TargetType: core.TargetSlack, Target: "#ci", State: state, Attempts: 3, LastError: "no", NextAt: at.Add(time.Hour), CreatedAt: at, UpdatedAt: at}
		if state == core.NotificationSent {
			n.SentAt, n.LastError = &at, ""
		}
		if err := b.store.AddNotification(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	list := decoded[[]Notification](t, b.do("GET", path, "", ""))
	if len(list) != 4 || list[0].NextAt == nil || list[1].NextAt != nil || value(list[1].LastError) != "no" || list[2].SentAt == nil {
		t.Fatalf("%+v", list)
	}
	for state, want := range map[string]int{"pending": 202, "failed": 202, "sent": 409, "skipped": 409, "none": 404} {
		a := b.do("POST", path+"/"+id+".x."+state+"/retry", "", "")
		if a.status != want {
			t.Errorf("%s: %+v", state, a)
		}
		if want == http.StatusAccepted {
			if n := decoded[Notification](t, a); n.State != "pending" || n.Attempts != 0 || n.NextAt == nil || n.NextAt.After(time.Now()) {
				t.Errorf("%s: %+v", state, n)
			}
		}
	}
	for _, request := range [][2]string{{"GET", "/api/ci/executions/none/notifications"}, {"POST", "/api/ci/executions/none/notifications/" + id + ".x.failed/retry"}} {
		if a := b.do(request[0], request[1], "", ""); a.status != http.StatusNotFound {
			t.Errorf("%v: %+v", request, a)
		}
	}
	without := newBench(t)
	if a := without.do("GET", path, "", ""); a.status != http.StatusNotImplemented {
		t.Errorf("%+v", a)
	}
}
