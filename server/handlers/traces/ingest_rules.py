"""What rules for the traces that an experiment takes in would do."""

from __future__ import annotations

from trackway.client_compat import rules
from trackway.client_compat.traces import ingest_rules as wire
from trackway.client_compat.trackway_traces import TryIngestRules
from trackway.server.auth import trace_permissions as policy
from trackway.server.dispatch import Context, handles
from trackway.storage.traces import ingest_rules
from trackway.storage.tracking import experiments

_MAX_TRACES = 1000


@handles(TryIngestRules, can=policy.try_ingest_rules)
def try_ingest_rules(ctx: Context, req: TryIngestRules) -> TryIngestRules.Response:
    if not 1 <= req.max_traces <= _MAX_TRACES:
        raise rules.invalid_value("max_traces", req.max_traces, f"It must be from 1 to {_MAX_TRACES}.")
    if req.rules is not None:
        tried = wire.parse(req.rules)
    else:
        tried = ingest_rules.of_experiment(ctx.tx, experiments.find(ctx.tx, req.experiment_id).id)
    trial = ingest_rules.try_rules(ctx.tx, req.experiment_id, tried, req.max_traces)
    return TryIngestRules.Response(**trial._asdict())
