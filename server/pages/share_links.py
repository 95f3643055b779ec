"""The page of the caller's share links. MLflow's page of a run leads to it, with the run filled in."""

from __future__ import annotations

from flask import Flask, Response, request

from trackway.client_compat.errors import ApiError
from trackway.client_compat.trackway_shares import CreateShareLink, ListShareLinks, RevokeShareLink

from .frame import Frame, date_text, error_text, redirect

_PATH = "/trackway/share-links"
_LIFETIMES = (("1d", "a day"), ("7d", "7 days"), ("30d", "30 days"))


def mount(app: Flask, frame: Frame) -> None:
    """Add the page to the application."""

    @app.get(_PATH)
    def share_links_page() -> Response:
        return links(run_ids=request.args.get("run", ""))

    @app.post(_PATH)
    def change_share_links() -> Response:
        form = request.form
        run_ids, experiment_id = form.get("run_ids", ""), form.get("experiment_id", "")
        try:
            if form.get("revoke"):
                frame.call(RevokeShareLink(link_id=form["revoke"]), RevokeShareLink.Response)
                return redirect(_PATH)
            made = frame.call(
                CreateShareLink(
                    run_ids=run_ids.replace(",", " ").split(),
                    experiment_id=experiment_id.strip() or None,
                    label=form.get("label", ""),
                    expires=form.get("expires", "7d"),
                ),
                CreateShareLink.Response,
            )
        except ApiError as error:
            return links(run_ids, experiment_id, error=error_text(error), status=error.status)
        return links(url=made.url or "")

    def links(
        run_ids: str = "", experiment_id: str = "", *, url: str = "", error: str = "", status: int = 200
    ) -> Response:
        return frame.page(
            "share_links.html",
            links=frame.call(ListShareLinks(), ListShareLinks.Response).share_links,
            lifetimes=_LIFETIMES,
            run_ids=run_ids,
            experiment_id=experiment_id,
            url=url,
            error=error,
            date=date_text,
            status=status,
        )
