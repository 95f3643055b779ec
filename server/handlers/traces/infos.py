"""Traces without their spans: beginning and end, reading, tags, links to runs and prompts, deletion."""

from __future__ import annotations

import re
from collections.abc import Callable

from trackway.client_compat import genai_messages as g
from trackway.client_compat import trace_rules as rules
from trackway.server.auth import needs, redaction
from trackway.server.auth import trace_permissions as policy
from trackway.server.dispatch import Context, handles
from trackway.storage.traces import deletion, infos, links, rows, start, tags

_LOGGING = needs.parse(policy.LOGS)
# These clients send spans by OTLP (MLflow 3.5 and later); older ones as a file.
_SENDS_SPANS = re.compile(r"mlflow-python-client/(?:3\.(?:[5-9]|\d\d)|[4-9]|\d\d)")


@handles(g.StartTraceV3, can=policy.start_trace)
def start_trace(ctx: Context, req: g.StartTraceV3) -> g.StartTraceV3.Response:
    """Create a trace or add to it. The response tells the client whether to send its spans as a file."""
    info = (req.trace and req.trace.trace_info) or g.TraceInfoV3()
    client = ctx.request.environ.get("HTTP_USER_AGENT", "")
    sends_spans = bool(_SENDS_SPANS.match(client))
    row = start.start(ctx.tx, info, sends_spans=sends_spans, may_log=may_log(ctx))
    if row is None:
        # As if it were stored; the tag tells the client not to upload the spans of a trace that is left out.
        info.tags = {**info.tags, infos.SPANS_LOCATION: rows.IN_DATABASE}
        return g.StartTraceV3.Response(trace=g.Trace(trace_info=info))
    return g.StartTraceV3.Response(trace=g.Trace(trace_info=infos.messages(ctx.tx, [row])[0]))


@handles(g.StartTrace, can=policy.begin_trace)
def begin_trace(ctx: Context, req: g.StartTrace) -> g.StartTrace.Response:
    return g.StartTrace.Response(trace_info=start.begin(ctx.tx, req))


@handles(g.EndTrace, can=policy.edit_trace)
def end_trace(ctx: Context, req: g.EndTrace) -> g.EndTrace.Response:
    return g.EndTrace.Response(trace_info=start.end(ctx.tx, req))


@handles(g.GetTraceInfo, can=policy.read_trace)
def get_trace_info(ctx: Context, req: g.GetTraceInfo) -> g.GetTraceInfo.Response:
    """Return a trace in the form of MLflow 2."""
    return g.GetTraceInfo.Response(trace_info=start.version_2(infos.get(ctx.tx, req.request_id or "")))


@handles(g.GetTraceInfoV3, can=policy.read_trace)
def get_trace_info_v3(ctx: Context, req: g.GetTraceInfoV3) -> g.GetTraceInfoV3.Response:
    return g.GetTraceInfoV3.Response(trace=g.Trace(trace_info=infos.get(ctx.tx, req.trace_id or "")))


@handles(g.BatchGetTraceInfos, can=policy.read_traces)
def get_trace_infos(ctx: Context, req: g.BatchGetTraceInfos) -> g.BatchGetTraceInfos.Response:
    """Return those of the traces that exist and that the caller may read."""
    found = readable(ctx, infos.get_many(ctx.tx, req.trace_ids))
    return g.BatchGetTraceInfos.Response(trace_infos=found)


@handles(g.SetTraceTag, can=policy.edit_trace)
def set_tag(ctx: Context, req: g.SetTraceTag) -> g.SetTraceTag.Response:
    tags.put(ctx.tx, req.request_id or "", req.key or "", req.value or "")
    return g.SetTraceTag.Response()


@handles(g.SetTraceTagV3, can=policy.edit_trace)
def set_tag_v3(ctx: Context, req: g.SetTraceTagV3) -> g.SetTraceTagV3.Response:
    tags.put(ctx.tx, req.trace_id or "", req.key or "", req.value or "")
    return g.SetTraceTagV3.Response()


@handles(g.DeleteTraceTag, can=policy.edit_trace)
def delete_tag(ctx: Context, req: g.DeleteTraceTag) -> g.DeleteTraceTag.Response:
    tags.delete(ctx.tx, req.request_id or "", req.key or "")
    return g.DeleteTraceTag.Response()


@handles(g.DeleteTraceTagV3, can=policy.edit_trace)
def delete_tag_v3(ctx: Context, req: g.DeleteTraceTagV3) -> g.DeleteTraceTagV3.Response:
    tags.delete(ctx.tx, req.trace_id or "", req.key or "")
    return g.DeleteTraceTagV3.Response()


@handles(g.LinkTracesToRun, can=policy.link_traces)
def link_to_run(ctx: Context, req: g.LinkTracesToRun) -> g.LinkTracesToRun.Response:
    rules.check_links(req.trace_ids)
    links.to_run(ctx.tx, req.trace_ids, req.run_id or "")
    return g.LinkTracesToRun.Response()


@handles(g.LinkPromptsToTrace, can=policy.edit_trace)
def link_prompts(ctx: Context, req: g.LinkPromptsToTrace) -> g.LinkPromptsToTrace.Response:
    versions = [(version.name or "", version.version or "") for version in req.prompt_versions]
    links.to_prompts(ctx.tx, req.trace_id or "", versions)
    return g.LinkPromptsToTrace.Response()


@handles(g.DeleteTraces, can=policy.delete_traces)
def delete_traces(ctx: Context, req: g.DeleteTraces) -> g.DeleteTraces.Response:
    return g.DeleteTraces.Response(traces_deleted=_delete(ctx, req))


@handles(g.DeleteTracesV3, can=policy.delete_traces)
def delete_traces_v3(ctx: Context, req: g.DeleteTracesV3) -> g.DeleteTracesV3.Response:
    return g.DeleteTracesV3.Response(traces_deleted=_delete(ctx, req))


def may_log(ctx: Context) -> Callable[[int], bool]:
    """Return a function that says whether the caller may log traces to an experiment.

    It is for other experiments than that of the request, which the permission has checked.
    """

    def is_allowed(experiment_id: int) -> bool:
        rights = ctx.identity.rights
        if ctx.identity.is_unrestricted or rights is None:
            return ctx.identity.is_unrestricted
        return needs.are_met(_LOGGING, rights, str(experiment_id))

    return is_allowed


def readable(ctx: Context, found: list[g.TraceInfoV3]) -> list[g.TraceInfoV3]:
    """Return those of the traces that the caller may read."""
    experiment_ids = {start.experiment_of(info) for info in found}
    allowed = set(ctx.readable(sorted(experiment_ids), "trace"))
    return [info for info in found if start.experiment_of(info) in allowed]


def withheld(ctx: Context, info: g.TraceInfoV3) -> None:
    """Leave out what the caller is denied of a trace that does not go out as a message."""
    rights = ctx.identity.rights
    if rights and rights.hidden:
        redaction.withhold(info, rights.hidden)


def _delete(ctx: Context, req: g.DeleteTraces | g.DeleteTracesV3) -> int:
    rules.check_deletion(req.request_ids, req.max_timestamp_millis, req.max_traces)
    chosen = deletion.choose(
        ctx.tx,
        req.experiment_id or "",
        trace_ids=req.request_ids,
        before_ms=req.max_timestamp_millis,
        limit=req.max_traces,
    )
    return deletion.delete(ctx.tx, chosen)
