"""Our own pages for tests without a browser: what a user sees of a page, and its forms with their fields."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from .access import PASSWORD

LOGIN = "/auth/login"


class Page(HTMLParser):
    """A page as it was sent. ``text`` has what a user reads, ``links`` the texts and targets of its links."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.response = response
        self.status: int = response.status_code
        self.links: dict[str, str] = {}
        # Of each form: where it is sent, and the values of its fields.
        self.forms: list[tuple[str, MultiDict[str, str]]] = []
        self._texts: list[str] = []
        self._skipped = ""
        self._changes = False
        self._link: str | None = None
        self.feed(response.text)
        self.text = re.sub(r"\s+", " ", " ".join(self._texts)).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in ("style", "title"):
            self._skipped = tag
        elif tag == "a":
            self._link = values["href"]
        elif tag == "form":
            # A form that searches is sent with GET; only those that change something are of interest.
            self._changes = values.get("method") == "post"
            if self._changes:
                self.forms.append((values.get("action", self.response.request.full_path), MultiDict()))
        elif tag == "input" and self._changes and "name" in values and values.get("type") != "checkbox":
            self.forms[-1][1].add(values["name"], values.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == self._skipped:
            self._skipped = ""
        elif tag == "a":
            self._link = None

    def handle_data(self, data: str) -> None:
        if self._skipped:
            return
        self._texts.append(data)
        if self._link is not None:
            self.links[data.strip()] = self._link


class Visitor:
    """A browser without scripts: it keeps cookies, follows redirects, and sends forms with all their fields.

    Its client must have been made without cookies of its own.
    """

    def __init__(self, client: FlaskClient, name: str = "", password: str = PASSWORD) -> None:
        self._client = client
        self._cookies: dict[str, str] = {}
        if name:
            page = self.send(self.open(LOGIN), name=name, password=password)
            assert page.status == 200, page.text

    def open(self, path: str) -> Page:
        return self._page("GET", path)

    def send(self, page: Page, *, form: int = -1, **fields: Any) -> Page:
        """Send a form of a page with other values of its fields. Return the page that follows."""
        action, values = page.forms[form]
        data = values.copy()
        for name, value in fields.items():
            data.setlist(name, value if isinstance(value, list) else [value])
        return self._page("POST", action, data)

    def _page(self, verb: str, path: str, data: MultiDict[str, str] | None = None) -> Page:
        headers = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        response = self._client.open(path, method=verb, data=data, headers=headers)
        for header in response.headers.getlist("Set-Cookie"):
            name, _, value = header.partition(";")[0].partition("=")
            self._cookies[name] = value
        if response.status_code in (302, 303, 308):
            return self._page("GET", response.headers["Location"])
        return Page(response)
