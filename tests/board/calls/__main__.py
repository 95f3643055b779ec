"""Run all calls and print the outcomes as a JSON object to standard output."""

import json
import os
import shutil
import sys
import time

# Output of the client goes to standard error.
answer, sys.stdout = sys.stdout, sys.stderr

import mlflow  # noqa: E402

from . import (  # noqa: E402, F401 - each declares its calls
    access,
    artifacts,
    experiments,
    fluent,
    logged_models,
    metrics,
    model_versions,
    models,
    prompts,
    registered_models,
    runs,
    traces,
    webhooks,
)
from .board import MlflowClient, calls, outcome, world  # noqa: E402


def main() -> None:
    world.url, world.webhook_url, world.closed_url, world.password, world.token = sys.argv[1:]
    mlflow.set_tracking_uri(world.url)
    os.chdir(world.folder)
    outcomes = []
    for call in calls:
        print(f"--- {call.area}: {call.method} {call.note}", flush=True)
        began = time.monotonic()
        found = outcome(call)
        print(f"    {found} after {time.monotonic() - began:.2f} s", flush=True)
        row = {"area": call.area, "method": call.method, "note": call.note, "remark": call.remark}
        outcomes.append({**row, "outcome": found})
    os.chdir("/")
    shutil.rmtree(world.folder, ignore_errors=True)
    called = {call.method for call in calls}
    methods = {f"MlflowClient.{name}" for name in dir(MlflowClient) if not name.startswith("_")}
    not_called = sorted(methods - called - {"MlflowClient.tracking_uri"})
    json.dump({"client": mlflow.__version__, "outcomes": outcomes, "not_called": not_called}, answer)


main()
