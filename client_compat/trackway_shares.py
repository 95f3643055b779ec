"""Trackway's own endpoints for share links, which show runs without a log-in."""

from __future__ import annotations

from .wire import Endpoint, Message


class ShareLink(Message):
    """A link without its secret. It shows `run_ids`, or, without any, all runs of the experiment."""

    _fields = {
        "link_id": "string",
        "label": "string",
        "owner": "string",
        "workspace": "string",
        "run_ids": "string[]",
        "experiment_id": "string",
        "creation_time": "int64",
        "expiry_time": "int64",
        "last_used_time": "int64",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        link_id: str | None = None,
        label: str | None = None,
        owner: str | None = None,
        workspace: str | None = None,
        run_ids: list[str] | None = None,
        experiment_id: str | None = None,
        creation_time: int | None = None,
        expiry_time: int | None = None,
        last_used_time: int | None = None,
    ) -> None:
        self.link_id = link_id
        self.label = label
        self.owner = owner
        self.workspace = workspace
        self.run_ids = [] if run_ids is None else run_ids
        self.experiment_id = experiment_id
        self.creation_time = creation_time
        self.expiry_time = expiry_time
        self.last_used_time = last_used_time


class CreateShareLink(Message):
    """Make a link to runs, or to an experiment with all its runs, of the request's workspace.

    `expires` is a lifetime such as "12h", at most 30 days. `label` says what the link is for.
    """

    _fields = {"run_ids": "string[]", "experiment_id": "string", "expires": "string", "label": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        """`url` is the address that shows it. It is in this answer only."""

        _fields = {"url": "string", "share_link": "ShareLink"}
        __slots__ = tuple(_fields)

        def __init__(self, *, url: str | None = None, share_link: ShareLink | None = None) -> None:
            self.url = url
            self.share_link = share_link

    def __init__(
        self,
        *,
        run_ids: list[str] | None = None,
        experiment_id: str | None = None,
        expires: str = "7d",
        label: str | None = None,
    ) -> None:
        self.run_ids = [] if run_ids is None else run_ids
        self.experiment_id = experiment_id
        self.expires = expires
        self.label = label


class ListShareLinks(Message):
    """The caller's valid links; for administrators those of `owner`, or, with "*", all."""

    _fields = {"owner": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"share_links": "ShareLink[]"}
        __slots__ = tuple(_fields)

        def __init__(self, *, share_links: list[ShareLink] | None = None) -> None:
            self.share_links = [] if share_links is None else share_links

    def __init__(self, *, owner: str | None = None) -> None:
        self.owner = owner


class RevokeShareLink(Message):
    """Refuse a link from now on."""

    _fields = {"link_id": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(self, *, link_id: str) -> None:
        self.link_id = link_id


_PATH = "/3.0/trackway/share-links"
# fmt: off
ENDPOINTS: tuple[Endpoint, ...] = tuple(
    Endpoint(verb, path, message.__name__, message, message.Response, "Trackway")
    for verb, path, message in (
        ("POST", _PATH, CreateShareLink),
        ("GET", _PATH, ListShareLinks),
        ("DELETE", f"{_PATH}/<link_id>", RevokeShareLink),
    )
)
# fmt: on
