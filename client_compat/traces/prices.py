"""What tokens cost, in US dollars, by model and provider.

The prices are those of the model catalogue of MLflow (Apache License 2.0; its notice is in the data file), in
`prices.json.xz`, which `python -m trackway.client_compat.traces._generate_prices` writes. It is read once, at
the first use.
"""

from __future__ import annotations

import functools
import json
import lzma
from importlib import resources
from typing import NamedTuple

FILE = "prices.json.xz"
_MILLION = 1_000_000
# Names of routes, not of models.
_ROUTES = ("gateway:/", "endpoints:/")
_DATABRICKS = ("databricks-", "databricks/")


class Price(NamedTuple):
    """Dollars for a million tokens; None where the catalogue has no price."""

    input: float | None
    output: float | None
    cache_read: float | None
    cache_write: float | None
    cache_write_1hr: float | None


class Catalogue(NamedTuple):
    """`by_provider` has all prices; `by_model` those that hold for a model if the provider is unknown."""

    by_provider: dict[str, dict[str, Price]]
    by_model: dict[str, Price]


@functools.cache
def catalogue() -> Catalogue:
    packed = resources.files(__package__).joinpath(FILE).read_bytes()
    by_provider = {
        provider: {model: Price(*(prices + [None] * (5 - len(prices)))) for model, prices in models.items()}
        for provider, models in json.loads(lzma.decompress(packed))["providers"].items()
    }
    by_model: dict[str, Price] = {}
    # The first provider in the order of the alphabet that asks for money, else the first one.
    for provider in sorted(by_provider):
        for model, price in by_provider[provider].items():
            if model not in by_model or (price.input and not by_model[model].input):
                by_model[model] = price
    return Catalogue(by_provider, by_model)


def find(model: str, provider: str | None = None) -> Price | None:
    """Return the price of a model, or None.

    The part of the name before the first slash is a provider's, and does not count. Without a provider, or if
    the provider does not have the model, any provider's price holds. As in MLflow 3.18, models of Databricks
    have the prices of Databricks, whatever the provider is said to be.
    """
    if model.startswith(_ROUTES):
        return None
    if model.startswith(_DATABRICKS):
        provider = "databricks"
    by_provider, by_model = catalogue()
    bare = model.partition("/")[2] if "/" in model else model
    price = by_provider.get(provider.lower(), {}).get(bare) if provider else None
    return price or by_model.get(bare)


def cost_of(usage: dict[str, int], model: str, provider: str | None = None) -> dict[str, float] | None:
    """Return {input_cost, output_cost, total_cost}; None if no token was used, or the model is unknown.

    Input tokens contain those that were read from the cache and written to it; each has a price of its own.
    """
    tokens, generated = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    if not tokens and not generated:
        return None
    price = find(model, provider)
    if price is None:
        return None
    read, written = usage.get("cache_read_input_tokens", 0), usage.get("cache_creation_input_tokens", 0)
    long = min(usage.get("cache_creation_input_tokens_above_1hr", 0), written)
    each = _or(price.input, 0.0)
    write = _or(price.cache_write, each)
    input_cost = max(tokens - read - written, 0) * each
    input_cost += read * _or(price.cache_read, each)
    input_cost += (written - long) * write
    input_cost += long * _or(price.cache_write_1hr, write)
    output_cost = generated * _or(price.output, 0.0)
    return {"input_cost": input_cost, "output_cost": output_cost, "total_cost": input_cost + output_cost}


def _or(per_million: float | None, otherwise: float) -> float:
    return otherwise if per_million is None else per_million / _MILLION
