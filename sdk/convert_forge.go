package sdk

import connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"

func webhookRequestToProto(r WebhookRequest) *connectorv1.ParseWebhookRequest {
	return &connectorv1.ParseWebhookRequest{Headers: texts(r.Headers), Body: r.Body, Secret: r.Secret, Config: r.Config}
}

func webhookRequestFromProto(p *connectorv1.ParseWebhookRequest) WebhookRequest {
	return WebhookRequest{Headers: p.GetHeaders(), Body: p.GetBody(), Secret: p.GetSecret(), Config: p.GetConfig()}
}

func webhookToProto(w Webhook) *connectorv1.ParseWebhookResponse {
	p := &connectorv1.ParseWebhookResponse{DeliveryId: text(w.DeliveryID), Event: text(w.Event), Ignored: text(w.Ignored)}
	e := w.Occurred
	if e == nil {
		return p
	}
	p.Occurred = &connectorv1.WebhookEvent{Kind: eventKinds.toProto(e.Kind), Repository: text(e.Repository), RepositoryUrl: text(e.RepositoryURL),
		Branch: text(e.Branch), Tag: text(e.Tag), Commit: text(e.Commit), Title: text(e.Title), Message: text(e.Message), Author: text(e.Author),
		ChangedPathsKnown: e.ChangedPathsKnown, Variables: texts(e.Variables)}
	for _, path := range e.ChangedPaths {
		p.Occurred.ChangedPaths = append(p.Occurred.ChangedPaths, text(path))
	}
	if r := e.PullRequest; r != nil {
		p.Occurred.PullRequest = &connectorv1.PullRequest{Number: r.Number, Action: text(r.Action),
			SourceBranch: text(r.SourceBranch), SourceRepository: text(r.SourceRepository)}
	}
	return p
}

func webhookFromProto(p *connectorv1.ParseWebhookResponse) Webhook {
	w := Webhook{DeliveryID: p.GetDeliveryId(), Event: p.GetEvent(), Ignored: p.GetIgnored()}
	e := p.GetOccurred()
	if e == nil {
		return w
	}
	w.Occurred = &WebhookEvent{Kind: eventKinds.fromProto(e.GetKind()), Repository: e.GetRepository(), RepositoryURL: e.GetRepositoryUrl(),
		Branch: e.GetBranch(), Tag: e.GetTag(), Commit: e.GetCommit(), Title: e.GetTitle(), Message: e.GetMessage(), Author: e.GetAuthor(),
		ChangedPaths: e.GetChangedPaths(), ChangedPathsKnown: e.GetChangedPathsKnown(), Variables: e.GetVariables()}
	if r := e.GetPullRequest(); r != nil {
		w.Occurred.PullRequest = &PullRequest{Number: r.GetNumber(), Action: r.GetAction(),
			SourceBranch: r.GetSourceBranch(), SourceRepository: r.GetSourceRepository()}
	}
	return w
}

func statusReportToProto(r StatusReport) *connectorv1.ReportStatusRequest {
	return &connectorv1.ReportStatusRequest{Repository: r.Repository, Commit: r.Commit, State: runStates.toProto(r.State),
		Description: text(r.Description), Url: r.URL, Context: r.Context, Secrets: r.Secrets}
}

func statusReportFromProto(p *connectorv1.ReportStatusRequest) StatusReport {
	return StatusReport{Repository: p.GetRepository(), Commit: p.GetCommit(), State: runStates.fromProto(p.GetState()),
		Description: p.GetDescription(), URL: p.GetUrl(), Context: p.GetContext(), Secrets: p.GetSecrets()}
}

func planToProto(plan Plan) *connectorv1.PlanStepResponse {
	p := &connectorv1.PlanStepResponse{Summary: text(plan.Summary)}
	for _, c := range plan.Changes {
		p.Changes = append(p.Changes, &connectorv1.PlannedChange{Action: text(c.Action), Target: text(c.Target), Details: text(c.Details)})
	}
	return p
}

func planFromProto(p *connectorv1.PlanStepResponse) Plan {
	plan := Plan{Summary: p.GetSummary()}
	for _, c := range p.GetChanges() {
		plan.Changes = append(plan.Changes, PlannedChange{Action: c.GetAction(), Target: c.GetTarget(), Details: c.GetDetails()})
	}
	return plan
}
