"""Assessments of traces: feedback, expectations, and references to issues."""

from __future__ import annotations

from trackway.client_compat import genai_messages as g
from trackway.server.auth import trace_permissions as policy
from trackway.server.dispatch import Context, handles
from trackway.storage.traces import assessments


@handles(g.CreateAssessment, can=policy.create_assessment)
def create(ctx: Context, req: g.CreateAssessment) -> g.CreateAssessment.Response:
    new = req.assessment
    return g.CreateAssessment.Response(assessment=assessments.create(ctx.tx, new.trace_id or "", new))


@handles(g.GetAssessmentRequest, can=policy.read_assessment)
def get(ctx: Context, req: g.GetAssessmentRequest) -> g.GetAssessmentRequest.Response:
    found = assessments.get(ctx.tx, req.trace_id, req.assessment_id)
    return g.GetAssessmentRequest.Response(assessment=found)


@handles(g.UpdateAssessment, can=policy.edit_assessment)
def update(ctx: Context, req: g.UpdateAssessment) -> g.UpdateAssessment.Response:
    new = req.assessment
    found = assessments.update(ctx.tx, new.trace_id or "", new.assessment_id or "", new, req.update_mask)
    return g.UpdateAssessment.Response(assessment=found)


@handles(g.DeleteAssessment, can=policy.delete_assessment)
def delete(ctx: Context, req: g.DeleteAssessment) -> g.DeleteAssessment.Response:
    assessments.delete(ctx.tx, req.trace_id, req.assessment_id)
    return g.DeleteAssessment.Response()
