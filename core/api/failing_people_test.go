package api

import (
	"context"
	"io"
	"net/url"

	"github.com/patchbay-ci/patchbay/core"
)

// failingAccounts knows who asks, and cannot do anything for them.
type failingAccounts struct {
	core.Accounts
	err error
}

func (f failingAccounts) Login(context.Context, string, core.ClientInfo) (*core.Login, error) {
	return nil, f.err
}
func (f failingAccounts) Refresh(context.Context, string, core.ClientInfo) (*core.Login, error) {
	return nil, f.err
}
func (f failingAccounts) SessionOf(context.Context, string) (*core.Session, error) { return nil, f.err }
func (f failingAccounts) Sessions(context.Context, string, core.Page) ([]*core.Session, error) {
	return nil, f.err
}
func (f failingAccounts) EndSession(context.Context, string, string, string) error { return f.err }
func (f failingAccounts) EndSessions(context.Context, string, string, string) (int, error) {
	return 0, f.err
}
func (f failingAccounts) Rotate(context.Context) error { return f.err }
func (f failingAccounts) CreateUser(context.Context, string, core.UserChange) (*core.User, error) {
	return nil, f.err
}
func (f failingAccounts) FindUser(context.Context, string) (*core.User, error)     { return nil, f.err }
func (f failingAccounts) Users(context.Context, core.Page) ([]*core.User, error)   { return nil, f.err }
func (f failingAccounts) DeleteUser(context.Context, *core.Identity, string) error { return f.err }
func (f failingAccounts) Grants(context.Context, string) ([]*core.Grant, error)    { return nil, f.err }
func (f failingAccounts) DeleteGrant(context.Context, string, string) error        { return f.err }
func (f failingAccounts) RevokeToken(context.Context, string, string) error        { return f.err }
func (f failingAccounts) CreateLink(context.Context, string) (string, *core.Token, error) {
	return "", nil, f.err
}
func (f failingAccounts) UpdateUser(context.Context, *core.Identity, string, core.UserChange) (*core.User, error) {
	return nil, f.err
}
func (f failingAccounts) SetGrant(context.Context, *core.Identity, string, string, core.Role) (*core.Grant, error) {
	return nil, f.err
}
func (f failingAccounts) CreateToken(context.Context, *core.Identity, core.NewToken) (string, *core.Token, error) {
	return "", nil, f.err
}
func (f failingAccounts) Tokens(context.Context, string, core.Page) ([]*core.Token, error) {
	return nil, f.err
}

// failingAudit can be written, and not read.
type failingAudit struct {
	core.AuditStore
	err error
}

func (f failingAudit) Audit(context.Context, core.AuditFilter) ([]*core.AuditEntry, error) {
	return nil, f.err
}

// failingDeliveries cannot be read.
type failingDeliveries struct {
	core.DeliveryStore
	err error
}

func (f failingDeliveries) Delivery(context.Context, string) (*core.Delivery, error) {
	return nil, f.err
}
func (f failingDeliveries) Deliveries(context.Context, core.DeliveryFilter) ([]*core.Delivery, error) {
	return nil, f.err
}

// quietHooks take every delivery and start nothing, or fail.
type quietHooks struct{ err error }

func (q quietHooks) Receive(context.Context, core.IncomingDelivery) (*core.Delivery, bool, error) {
	return &core.Delivery{ID: "d1", Status: core.DeliveryIgnored, Reason: "nobody waits for it"}, false, q.err
}
func (q quietHooks) Redeliver(_ context.Context, id, _, _ string) (*core.Delivery, error) {
	return nil, core.NotFound("delivery", id)
}
func (q quietHooks) Body(_ context.Context, d *core.Delivery) (io.ReadCloser, error) {
	return nil, core.NotFound("delivery", d.ID)
}

// quietLogins know no service, or fail.
type quietLogins struct{ err error }

func (quietLogins) Names() []string { return []string{} }
func (q quietLogins) Begin(_ context.Context, service, _ string) (to, cookie string, err error) {
	return "", "", q.or(service)
}
func (q quietLogins) Finish(_ context.Context, service, _ string, _ url.Values, _ core.ClientInfo) (*core.Login, string, error) {
	return nil, "", q.or(service)
}
func (q quietLogins) or(service string) error {
	if q.err != nil {
		return q.err
	}
	return core.NotFound("login service", service)
}
