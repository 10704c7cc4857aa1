"""The web page: three static files."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, Response

from tap_yoc.sandbox.problems import ApiError

STATIC = files("tap_yoc.sandbox") / "static"
MEDIA_TYPES = {"index.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
# No caching, because a newer sandbox has a newer page. Nothing is loaded from another host, even if a request that the
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


def page_routes() -> APIRouter:
    """Return the routes of the page, which gets its content from the control endpoints."""
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
