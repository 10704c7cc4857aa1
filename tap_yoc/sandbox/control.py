"""The control endpoints, with which another process can control the sandbox."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date  # noqa: TC003 - FastAPI reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response  # noqa: TC002 - FastAPI reads the annotations
from pydantic import BaseModel, ConfigDict, Field

from tap_yoc.sandbox import faults, forms
from tap_yoc.sandbox.cells import to_json
from tap_yoc.sandbox.faults import Fault
from tap_yoc.sandbox.forms import Forms
from tap_yoc.sandbox.world import CREDENTIALS

if TYPE_CHECKING:
    from tap_yoc.sandbox.world import World


class Day(BaseModel):
    """The sandbox's current day."""

    today: date = Field(title="Today", description="Facts end on the day before.", examples=["2026-06-15"])


class TruthRequest(BaseModel):
    """A report without pages and forms."""

    model_config = ConfigDict(extra="forbid")

    group_by: list[str] = Field(default_factory=list, title="Aggregate by", examples=[["date"]])
    data_fields: list[str] = Field(default_factory=list, title="Metrics", examples=[["impressions"]])
    start: date | None = Field(default=None, title="First day", examples=["2026-06-01"])
    end: date | None = Field(default=None, title="Last day, inclusive", examples=["2026-06-14"])
    query: Any = Field(default=None, title="Filter", description="As in a report.")


def _json(value: object) -> Response:
    return Response(to_json(value), media_type="application/json")


def control_routes(world: World) -> APIRouter:
    """Return the routes under `/_sandbox`."""
    router = APIRouter(prefix="/_sandbox", tags=["sandbox"])
    _add_queries(router, world)
    _add_controls(router, world)
    _add_faults(router, world)
    return router


def _add_queries(router: APIRouter, world: World) -> None:
    @router.get("/config", summary="Settings for this sandbox, as a config.json")
    def get_config(request: Request) -> Response:
        """The URL is that of the request, so that it also works from outside a container."""
        url = str(request.base_url).rstrip("/")
        return _json({**CREDENTIALS, "api_url": url, "auth_url": url})

    @router.get("/options", summary="Available forms and faults, and what each does")
    def get_options() -> Response:
        return _json({"forms": forms.described(), "faults": faults.described(), "places": faults.PLACES})

    @router.get("/state", summary="Day, days served, forms, faults, number of requests")
    def get_state() -> Response:
        reach = world.reach
        return _json(
            {
                "today": world.today,
                "earliest": reach.earliest,
                "latest": reach.latest,
                "seed": world.options.seed,
                "scale": world.options.scale,
                "gap_days": list(world.options.gap_days),
                "forms": asdict(world.forms),
                "faults": world.faults.listed(),
                **world.requests.counts(),
                "started": world.started,
            }
        )

    @router.get("/requests", summary="Requests so far, without secrets")
    def get_requests(
        after: Annotated[int, Query(ge=0, description="Only those with a higher number.")] = 0,
        most: Annotated[int | None, Query(ge=1, description="At most this many, the newest.")] = None,
        failed: Annotated[bool, Query(description="Only those that failed or met a fault.")] = False,  # noqa: FBT002 - a query parameter
    ) -> Response:
        """The newest 10,000 requests, oldest first."""
        return _json(world.requests.without_secrets(after=after, most=most, failed=failed))

    @router.delete("/requests", summary="Clear the list of requests")
    def delete_requests() -> Response:
        world.requests.clear()
        return _json([])

    @router.post("/truth", summary="All rows of a report, regardless of the forms")
    def post_truth(truth: TruthRequest) -> Response:
        return _json(
            world.truth(
                group_by=truth.group_by,
                data_fields=truth.data_fields,
                start=truth.start,
                end=truth.end,
                query=truth.query,
            )
        )


def _add_controls(router: APIRouter, world: World) -> None:
    @router.put("/today", summary="Change the day, which revises recent figures")
    def put_today(day: Day) -> Response:
        world.today = day.today
        return _json({"today": world.today})

    @router.put("/forms", summary="Set the forms; all others become healthy")
    def put_forms(changes: dict[str, Any]) -> Response:
        world.forms = Forms().but(changes)
        return _json(asdict(world.forms))

    @router.patch("/forms", summary="Change some forms")
    def patch_forms(changes: dict[str, Any]) -> Response:
        world.forms = world.forms.but(changes)
        return _json(asdict(world.forms))

    @router.post("/tokens/expire", summary="Expire all access tokens")
    def expire() -> Response:
        world.tokens.expire_access()
        return _json({"expired": True})

    @router.post("/reset", summary="Reset everything")
    def reset() -> Response:
        world.reset()
        return _json({"today": world.today})


def _add_faults(router: APIRouter, world: World) -> None:
    @router.get("/faults", summary="Faults that are switched on")
    def get_faults() -> Response:
        return _json(world.faults.listed())

    @router.post("/faults", summary="Switch on a fault", status_code=201)
    def post_fault(fault: dict[str, Any]) -> Response:
        world.faults.add(Fault.from_dict(fault))
        return Response(to_json(world.faults.listed()), status_code=201, media_type="application/json")

    @router.delete("/faults/{number}", summary="Switch off one fault")
    def delete_fault(number: int) -> Response:
        world.faults.drop(number)
        return _json(world.faults.listed())

    @router.delete("/faults", summary="Switch off all faults")
    def delete_faults() -> Response:
        world.faults.clear()
        return _json([])
