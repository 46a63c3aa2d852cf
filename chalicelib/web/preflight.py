"""OPTIONS on every path: what browsers ask first when a page of another origin calls."""

from typing import Any

from chalice.app import Chalice

from chalicelib.web.calls import Call
from chalicelib.web.edge import Edge
from chalicelib.web.headers import preflight_headers
from chalicelib.web.replies import Reply


def preflight_every_path(app: Chalice, edge: Edge) -> None:
    """Chalice's own answer to OPTIONS knows one origin, and not the headers of this API."""
    for number, (path, methods) in enumerate(list(app.routes.items())):
        preflight = edge(_view([*methods, "OPTIONS"]))
        app.route(path, methods=["OPTIONS"], name=f"preflight_{number}", content_types=["*/*"])(preflight)


def _view(methods: list[str]) -> Any:
    def preflight(call: Call, **_variables: str) -> Reply:
        return Reply(b"", 204, preflight_headers(call.request, methods))

    return preflight
