"""The data on the server of the UI tests, created with MLflow's client."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

RUNS = ("trial-0", "trial-1", "trial-2")
# More than a page of the lists of experiments and of models.
MANY = 26
# A library in the place of Plotly's, and what mlflow.log_figure writes for a figure of Plotly.
LIBRARY = "window.Plotly = {newPlot: id => { document.getElementById(id).textContent = 'drawn' }}"
_HASH = base64.b64encode(hashlib.sha256(LIBRARY.encode()).digest()).decode()
FIGURE = f"""<html><head><meta charset="utf-8" /></head><body>
<script charset="utf-8" src="https://cdn.plot.ly/plotly-3.1.0.min.js"
integrity="sha256-{_HASH}" crossorigin="anonymous"></script>
<div id="figure"></div><script>Plotly.newPlot("figure", [{{"y": [1, 3, 2]}}])</script></body></html>"""


def fill(url: str, folder: Path) -> dict[str, Any]:
    import mlflow
    import pandas as pd
    from PIL import Image

    mlflow.set_tracking_uri(url)
    client = mlflow.MlflowClient(url)
    for number in range(MANY):
        client.create_experiment(f"many {number:02}")
        client.create_registered_model(f"many-{number:02}")
    table = pd.DataFrame({"age": [31, 42], "city": ["Bern", "Oslo"]})
    table.to_csv(folder / "table.csv", index=False)
    experiment_id = mlflow.set_experiment("churn study").experiment_id
    ids = []
    for number, name in enumerate(RUNS):
        with mlflow.start_run(run_name=name) as run:
            ids.append(run.info.run_id)
            mlflow.log_params({"depth": number + 2, "optimizer": ["adam", "sgd"][number % 2]})
            for step in range(10):
                mlflow.log_metric("loss", 1 / (step + 1 + number), step=step)
            mlflow.set_tag("team", "growth")
            mlflow.log_input(mlflow.data.from_pandas(table, name="customers"), context="training")
            mlflow.log_text("some words to be read", "notes.txt")
            mlflow.log_artifact(str(folder / "table.csv"))
            mlflow.log_text(FIGURE, "figure.html")
            mlflow.log_image(Image.new("RGB", (80, 60), (200, 30, 30)), "red.png")
    with mlflow.start_run(run_name="to be deleted"):
        pass
    model_id = _log_model(ids[0])
    client.create_registered_model("churn")
    for _ in range(2):
        client.create_model_version("churn", f"models:/{model_id}", ids[0], model_id=model_id)
    mlflow.genai.register_prompt(name="greeting", template="Hello {{name}}", commit_message="first")
    mlflow.genai.register_prompt(name="greeting", template="Dear {{name}}, hello", commit_message="second")
    mlflow.set_tracking_uri(None)
    return {"experiment_id": experiment_id, "run_ids": ids, "model_id": model_id}


def _log_model(run_id: str) -> str:
    import mlflow
    import pandas as pd

    class Doubler(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return model_input * 2

    frame = pd.DataFrame({"amount": [1.0, 2.0]})
    with mlflow.start_run(run_id=run_id):
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=Doubler(),
            signature=mlflow.models.infer_signature(frame, frame),
            pip_requirements=[],
        )
    return str(info.model_id)
