"""Datasets, which clients have since 2.4."""

from typing import Any


def dataset_input(name: str, context: str) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=name, digest="abc123", source_type="http", source='{"url": "x"}', schema="{}", profile="{}"
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])
