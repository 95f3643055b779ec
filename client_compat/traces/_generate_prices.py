"""Generates `prices.json.xz` from the model catalogue of the installed mlflow.

    python -m trackway.client_compat.traces._generate_prices           writes the file
    python -m trackway.client_compat.traces._generate_prices --check   exits with 1 if it differs

The catalogue is a file for each provider; of each model only the prices of tokens are kept. The check
compares contents, because compressors differ.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import lzma
from pathlib import Path
from typing import Any

from .prices import FILE

PATH = Path(__file__).resolve().parent / FILE
_PRICES = [
    f"{name}_per_million_tokens"
    for name in ("input", "output", "cache_read", "cache_write", "cache_write_1hr")
]


def main(arguments: list[str] | None = None) -> int:
    name = "python -m trackway.client_compat.traces._generate_prices"
    parser = argparse.ArgumentParser(prog=name, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the file differs")
    options = parser.parse_args(arguments)
    if options.check:
        return check(generate(), PATH)
    PATH.write_bytes(lzma.compress(generate().encode(), preset=9 | lzma.PRESET_EXTREME))
    return 0


def check(text: str, path: Path) -> int:
    """Return 0 if the file has exactly this text; else say so and return 1."""
    if path.exists() and lzma.decompress(path.read_bytes()).decode() == text:
        return 0
    print(f"{path.name} differs from the model catalogue of the installed mlflow")
    return 1


def generate() -> str:
    """Return the prices as JSON: {notice, providers: {name: {model: [price, ...]}}}; no trailing nulls."""
    version = importlib.metadata.version("mlflow")
    notice = f"From the model catalogue of MLflow {version}, https://mlflow.org, Apache License 2.0."
    files = sorted(_folder().glob("*.json"))
    providers = {path.stem: _read(path) for path in files}
    return json.dumps({"notice": notice, "providers": providers}, separators=(",", ":"), ensure_ascii=False)


def _read(path: Path) -> dict[str, list[float | None]]:
    models = json.loads(path.read_text(encoding="utf-8")).get("models", {})
    return {model: _prices(entry.get("pricing") or {}) for model, entry in sorted(models.items())}


def _prices(pricing: dict[str, Any]) -> list[float | None]:
    prices = [pricing.get(name) for name in _PRICES]
    while prices and prices[-1] is None:
        prices.pop()
    return prices


def _folder() -> Path:
    # mlflow itself is not imported: only its files are needed.
    spec = importlib.util.find_spec("mlflow")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("mlflow is not installed")
    return Path(spec.origin).parent / "utils" / "model_catalog"


if __name__ == "__main__":
    raise SystemExit(main())
