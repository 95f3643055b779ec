"""Rules of tokens (JWT) of other issuers: who issues them, what their claims mean, which are trusted.

The claims are those of GitLab 17 (https://docs.gitlab.com/ci/secrets/id_token_authentication/) and GitHub
(https://docs.github.com/actions/reference/security/oidc). Functions named ``check_*`` raise
InvalidParameter.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .errors import InvalidParameter

GITLAB, GITHUB, OTHER = KINDS = ("gitlab", "github", "other")
GITHUB_URL = "https://token.actions.githubusercontent.com"
# Issuers that give tokens to everybody who has an account there.
_PUBLIC_URLS = (GITHUB_URL, "https://gitlab.com")
# Claims that say whose job it is. A rule without any of them would trust all users of the issuer.
OWNER_CLAIMS = {
    GITLAB: ("project_path", "project_id", "namespace_path", "namespace_id", "sub"),
    GITHUB: ("repository", "repository_id", "repository_owner", "repository_owner_id", "sub"),
    OTHER: ("sub",),
}
# The tags of a run that a job created. A client cannot set them, see ``storage/tracking/verified_tags.py``.
TAG_PREFIX = "trackway.ci."
PROVIDER_TAG = f"{TAG_PREFIX}provider"
# The tag that GitLab's documentation tells users to set.
GITLAB_JOB_TAG = "gitlab.CI_JOB_ID"
_TAGS = {
    GITLAB: {
        "project": "project_path",
        "ref": "ref",
        "commit": "sha",
        "pipeline": "pipeline_id",
        "job": "job_id",
        "user": "user_login",
    },
    GITHUB: {
        "project": "repository",
        "ref": "ref",
        "commit": "sha",
        "pipeline": "run_id",
        "attempt": "run_attempt",
        "user": "actor",
    },
    OTHER: {"user": "sub"},
}
_MAX_TAG_LENGTH = 1000
_MAX_NAME_LENGTH = 250
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_name(noun: str, name: str) -> None:
    """Check the name of a new issuer or trust rule."""
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME_LENGTH:
        raise InvalidParameter.invalid(
            "name",
            name[:_MAX_NAME_LENGTH],
            f"A name of the kind {noun} has letters, digits, '.', '_' and '-'.",
        )


def check_issuer(url: str, audience: str, kind: str) -> None:
    """Check the settings of a new issuer."""
    check_url(url)
    if not audience.strip():
        raise InvalidParameter(
            "Missing value for required parameter 'audience': the claim aud of tokens for this server, "
            "such as its URL. Without it, tokens that are meant for other servers would be accepted."
        )
    if kind not in KINDS:
        raise InvalidParameter(f"Unknown kind of issuer {kind!r}. The kinds are {', '.join(KINDS)}.")


def check_url(url: str) -> None:
    """Check an address from which keys of an issuer are read: https, or http to this machine."""
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    if not is_safe or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise InvalidParameter(
            f"Invalid URL of an issuer {url!r}. Give an address that begins with https://, without query."
        )


def check_conditions(kind: str, url: str, conditions: Mapping[str, str]) -> None:
    """Check the conditions of a new trust rule: a pattern for each claim."""
    owners = OWNER_CLAIMS[kind]
    if not any(claim in owners for claim in conditions):
        raise InvalidParameter(
            f"The conditions name none of the claims {', '.join(owners)}; the rule would trust everybody who "
            "has an account at the issuer."
        )
    for claim, pattern in conditions.items():
        if not claim or not pattern:
            raise InvalidParameter(f"The condition {claim!r} = {pattern!r} needs a claim and a pattern.")
    if url in _PUBLIC_URLS and all(
        pattern.startswith("*") for claim, pattern in conditions.items() if claim in owners
    ):
        raise InvalidParameter(
            f"Everybody can have an account at {url}: give a pattern without '*' at its beginning for one of "
            f"{', '.join(owners)}."
        )


def text_of(value: Any) -> str:
    """Return the value of a claim as patterns see it: true and false as GitLab writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def missing(conditions: Mapping[str, str], claims: Mapping[str, Any]) -> dict[str, str]:
    """Return the conditions that the claims do not meet. In a pattern, ``*`` stands for any text."""
    return {
        claim: pattern
        for claim, pattern in conditions.items()
        if not isinstance(claims.get(claim), str | int | bool)
        or not _matches(pattern, text_of(claims[claim]))
    }


def run_tags(kind: str, issuer_url: str, claims: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of runs that the bearer of a token with these claims creates."""
    tags = {PROVIDER_TAG: kind}
    for name, claim in _TAGS[kind].items():
        if claims.get(claim) not in (None, ""):
            tags[TAG_PREFIX + name] = text_of(claims[claim])[:_MAX_TAG_LENGTH]
    project = tags.get(f"{TAG_PREFIX}project")
    if kind == GITLAB and (job := tags.get(f"{TAG_PREFIX}job")):
        tags[GITLAB_JOB_TAG] = job
        tags[f"{TAG_PREFIX}url"] = f"{issuer_url.rstrip('/')}/{project}/-/jobs/{job}"
    if kind == GITHUB and (pipeline := tags.get(f"{TAG_PREFIX}pipeline")):
        # A GitHub Enterprise Server issues tokens at https://<host>/_services/token.
        server = "https://github.com" if issuer_url == GITHUB_URL else issuer_url.partition("/_services/")[0]
        tags[f"{TAG_PREFIX}url"] = f"{server}/{project}/actions/runs/{pipeline}"
    return tags


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
