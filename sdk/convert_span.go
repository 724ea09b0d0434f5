package sdk

import connectorv1 "github.com/patchbay-ci/patchbay/proto/connector/v1"

func spanToProto(s SpanReport) *connectorv1.Span {
	return &connectorv1.Span{Name: text(s.Name), SpanId: s.ID[:], ParentSpanId: s.Parent[:], Start: timeToProto(s.Start), End: timeToProto(s.End),
		Error: text(s.Error), Attributes: texts(s.Attributes)}
}

// spanFromProto takes IDs of another length as none.
func spanFromProto(p *connectorv1.Span) SpanReport {
	s := SpanReport{Name: p.GetName(), Start: timeFromProto(p.GetStart()), End: timeFromProto(p.GetEnd()), Error: p.GetError(), Attributes: p.GetAttributes()}
	if id := p.GetSpanId(); len(id) == len(s.ID) {
		copy(s.ID[:], id)
	}
	if id := p.GetParentSpanId(); len(id) == len(s.Parent) {
		copy(s.Parent[:], id)
	}
	return s
}
