"""Whatever a page may ask of MLflow's own GraphQL schema, it may ask here, under the same types."""

from __future__ import annotations

from typing import Any

from mlflow.server.graphql.graphql_schema_extensions import schema as mlflow_schema

from trackway.client_compat import codec
from trackway.server.graphql import schema


def test_the_schema_has_all_that_mlflows_has():
    ours = schema.build(lambda asker, request: None, codec.decode).type_map
    assert [
        difference for name, kind in _types() for difference in _missing(name, kind, ours.get(name))
    ] == []


def _types() -> Any:
    return mlflow_schema.graphql_schema.type_map.items()


def _missing(name: str, theirs: Any, ours: Any) -> list[str]:
    if ours is None:
        return [name]
    missing = [f"{name}.{value}" for value in getattr(theirs, "values", {}) if value not in ours.values]
    for field_name, field in getattr(theirs, "fields", {}).items():
        own = ours.fields.get(field_name)
        if own is None or str(own.type) != str(field.type):
            missing.append(f"{name}.{field_name}")
        elif {key: str(arg.type) for key, arg in getattr(field, "args", {}).items()} != {
            key: str(arg.type) for key, arg in getattr(own, "args", {}).items()
        }:
            missing.append(f"{name}.{field_name}(...)")
    return missing
