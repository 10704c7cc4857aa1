"""The page in the browser: three files, served as they are."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, Response

from tap_yoc.sandbox.problems import ApiError

STATIC = files("tap_yoc.sandbox") / "static"
MEDIA_TYPES = {"index.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
# A newer sandbox brings a newer page. Nothing comes from another host, whatever a request that is shown contains.
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


def page_routes() -> APIRouter:
    """Return the routes of the page, which asks the control endpoints for all that it shows."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def get_page() -> Response:
        return _file("index.html")

    @router.get("/_sandbox/static/{name}")
    def get_static(name: str) -> Response:
        return _file(name)

    return router


def _file(name: str) -> Response:
    if name not in MEDIA_TYPES:
        raise ApiError(status=404, error="not_found", message="There is no such file.")
    return Response((STATIC / name).read_bytes(), media_type=MEDIA_TYPES[name], headers=HEADERS)
