"""The application: routes, and the public description of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response  # noqa: TC002 - FastAPI reads the annotations
from fastapi.openapi.utils import get_openapi
from fastapi_offline import FastAPIOffline
from pydantic.json_schema import models_json_schema

from tap_yoc.sandbox import oauth, reporting
from tap_yoc.sandbox.cells import to_json
from tap_yoc.sandbox.control import control_routes
from tap_yoc.sandbox.exchange import serve
from tap_yoc.sandbox.faults import FaultError
from tap_yoc.sandbox.forms import FormError
from tap_yoc.sandbox.models import MODELS
from tap_yoc.sandbox.page import page_routes
from tap_yoc.sandbox.problems import ApiError, TokenError, invalid

if TYPE_CHECKING:
    from tap_yoc.sandbox.world import World

REPORTING = "/api/v1/reporting/publishers"
TOKEN = "/api/v2/oauth/token"  # noqa: S105 - a path
ABOUT = """
A local simulation of YOC's publisher reporting API, with generated facts.

**Known**, from YOC's help pages: the endpoints, both grants and their two content types, the metadata, the properties
of a report, the filter operators, `page_size` of 500 at most, the days served (six months ago to yesterday), and the
columns of the annex up to `billable_events`.

**Assumed**, and changed by the forms under `/_sandbox/forms`: the envelope of a report, the total, the number of the
first page, the answer past the end, strict rotation of refresh tokens, all error bodies, rate limits, and the columns
`revenue`, `ecpm` and `currency`.
"""
TAGS = [
    {"name": "token", "description": "OAuth 2.0: login, and renewal with rotation."},
    {"name": "reporting", "description": "The available columns, and reports."},
    {"name": "sandbox", "description": "Not part of YOC's API: controls this sandbox."},
]


def _ref(model: str) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{model}"}}


def _answers(ok: str, problem: str, problems: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    described: dict[int | str, dict[str, Any]] = {
        200: {"description": "Done.", "content": {"application/json": _ref(ok)}},
    }
    kind = TokenError if problem == "TokenProblem" else ApiError
    for status, about in problems.items():
        example = kind(status=status, error=CODES[problem, status], message=about).body
        described[status] = {
            "description": about,
            "content": {"application/json": {**_ref(problem), "example": example}},
        }
    return described


def _body(model: str, *media_types: str) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: _ref(model) for media_type in media_types}}}


CODES = {
    ("TokenProblem", 400): "invalid_grant",
    ("TokenProblem", 401): "invalid_client",
    ("TokenProblem", 415): "invalid_request",
    ("Problem", 401): "unauthorized",
    ("Problem", 422): "invalid_request",
    ("Problem", 429): "too_many_requests",
}
"""The error codes in the examples."""
BEARER: dict[str, Any] = {"security": [{"bearer": []}]}
LOST = {401: "The access token is missing, expired or revoked.", 429: "Too many requests; see Retry-After."}


def create_app(world: World) -> FastAPI:
    """Return the application for a sandbox's state."""
    app: FastAPI = FastAPIOffline(
        title="YOC publisher reporting (sandbox)",
        version="1",
        description=ABOUT,
        openapi_tags=TAGS,
        redoc_url=None,  # it loads its logo from another host
        static_url="/_sandbox/docs",
        swagger_ui_parameters={"validatorUrl": None},  # it would use another host
    )

    @app.post(
        TOKEN,
        tags=["token"],
        summary="Log in, or renew a token pair",
        response_class=Response,
        responses=_answers(
            "TokenAnswer",
            "TokenProblem",
            {400: "The grant is rejected.", 401: "The client is rejected.", 415: "Neither JSON nor multipart."},
        ),
        openapi_extra=_body("TokenRequest", "application/json", "multipart/form-data"),
    )
    async def post_token(request: Request) -> Response:
        """Client credentials are sent in the body or in an HTTP Basic header. URL-encoded bodies are rejected."""
        return await serve(world, request, "token", oauth.token)

    @app.get(
        REPORTING,
        tags=["reporting"],
        summary="Columns that the account may request",
        response_class=Response,
        responses=_answers("MetadataAnswer", "Problem", LOST),
        openapi_extra=BEARER,
    )
    async def get_metadata(request: Request) -> Response:
        """Trim the names: the published example has a stray blank."""
        return await serve(world, request, "metadata", reporting.metadata)

    @app.post(
        REPORTING,
        tags=["reporting"],
        summary="A page of a report",
        response_class=Response,
        responses=_answers("ReportAnswer", "Problem", {**LOST, 422: "Something in the request is wrong; says what."}),
        openapi_extra={**BEARER, **_body("ReportRequest", "application/json")},
    )
    async def post_report(request: Request) -> Response:
        """Figures are daily and may be revised for some days after they are first published."""
        return await serve(world, request, "report", reporting.report)

    app.include_router(control_routes(world))
    app.include_router(page_routes())
    _handle_errors(app)
    _describe(app)
    return app


def _handle_errors(app: FastAPI) -> None:
    """Answer errors of the control endpoints; the other endpoints answer their own."""

    async def refuse(_request: Request, error: Exception) -> Response:
        problem = error if isinstance(error, ApiError) else invalid(str(error))
        return Response(to_json(problem.body), status_code=problem.status, media_type="application/json")

    for kind in (ApiError, FormError, FaultError):
        app.add_exception_handler(kind, refuse)


def _describe(app: FastAPI) -> None:
    """Add the models and the authentication to the description."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = get_openapi(
                title=app.title, version=app.version, description=ABOUT, routes=app.routes, tags=app.openapi_tags
            )
            _, models = models_json_schema(
                [(model, "validation") for model in MODELS], ref_template="#/components/schemas/{model}"
            )
            components = described.setdefault("components", {})
            components.setdefault("schemas", {}).update(models.get("$defs", {}))
            components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
            app.openapi_schema = described
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the description
