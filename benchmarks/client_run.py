"""The program of one client process. It runs in an environment with only MLflow's client installed."""

import resource
import sys

import mlflow

metrics, params = int(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
before = resource.getrusage(resource.RUSAGE_SELF)
with mlflow.start_run() as run:
    for step in range(metrics):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    for number in range(params):
        mlflow.log_param(f"param-{number}", number)
after = resource.getrusage(resource.RUSAGE_SELF)
took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(f"\ndone {run.info.run_id} {took:.3f}", flush=True)
