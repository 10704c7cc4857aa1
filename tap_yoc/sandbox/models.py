"""Models of requests and answers for the OpenAPI description."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue  # noqa: TC002 - pydantic reads the annotations


class Strict(BaseModel):
    """A body without unknown properties and without type conversion."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ReportRequest(Strict):
    """A report: what to aggregate by, what to return, which rows, which page."""

    group_by: list[str] = Field(
        default_factory=list,
        title="Aggregate by",
        description="Names from `modifications.group_by` of the metadata.",
        examples=[["date", "publisher_visx_id"]],
    )
    data_fields: list[str] = Field(
        default_factory=list,
        title="Metrics",
        description="Names from `modifications.data_fields` of the metadata. "
        "`is_publisher_campaign` and `currency` split the rows.",
        examples=[["ad_requests", "impressions", "revenue"]],
    )
    query: JsonValue = Field(
        default=None,
        title="Filter",
        description="`and` and `or` take a list of filters, `in` a column with a list, and `eq gt lt gte lte neq like "
        "notLike` a column with a value. In a `like`, `%` is special at either end. A `neq` or `notLike` "
        'does not return rows without a value. Request days like `{"gte": {"date": "2026-06-01"}}`; they must be '
        "between six months ago and yesterday. Default: all of these days.",
        examples=[{"and": [{"in": {"country": ["AT", "DE"]}}, {"like": {"ad_unit_name": "%_HB"}}]}],
    )
    sort: list[str] = Field(
        default_factory=list,
        title="Order",
        description="Columns of the report: `+name` ascending, `-name` or `name` descending. The order of rows that "
        "are equal there may differ with every request.",
        examples=[["+date", "+publisher_visx_id"]],
    )
    page: int | None = Field(
        default=None, title="Page", description="Number of the page; 1 is the first.", examples=[1]
    )
    page_size: int = Field(default=100, ge=1, le=500, title="Rows per page", description="500 at most.", examples=[500])


class ReportAnswer(BaseModel):
    """One page. The envelope is assumed: YOC's help shows no complete answer."""

    data: list[dict[str, Any]] = Field(
        title="Rows",
        description="One object per row, one property per column.",
        examples=[[{"date": "2026-06-14", "publisher_visx_id": 5001, "ad_requests": 11840, "revenue": 12.340100}]],
    )
    total: int = Field(title="Rows of all pages", examples=[912])
    page: int = Field(title="Page", examples=[1])
    page_size: int = Field(title="Rows per page", examples=[500])


class MetadataColumn(BaseModel):
    """A column that the account may request."""

    name: str = Field(title="Name", description="May have stray blanks, as published.", examples=["date"])
    type: str = Field(title="Type", description="DATE, STRING, INTEGER; others assumed.", examples=["DATE"])


class Modifications(BaseModel):
    """The columns by purpose."""

    group_by: list[MetadataColumn] = Field(title="Columns to aggregate by")
    data_fields: list[MetadataColumn] = Field(title="Metrics")


class MetadataAnswer(BaseModel):
    """The columns that the account may request."""

    modifications: Modifications = Field(title="Columns")


class TokenRequest(BaseModel):
    """A login, or the renewal of a pair. The client's credentials may be in an HTTP Basic header instead."""

    grant_type: Literal["password", "refresh_token"] = Field(title="Grant", examples=["password"])
    client_id: str | None = Field(default=None, title="Client", examples=["canary-client-4711"])
    client_secret: str | None = Field(default=None, title="Client's secret", examples=["..."])
    username: str | None = Field(default=None, title="YOC Hub login", description="For `password`.", examples=["me"])
    password: str | None = Field(default=None, title="Its password", description="For `password`.", examples=["..."])
    refresh_token: str | None = Field(
        default=None,
        title="Refresh token",
        description="For `refresh_token`; works once.",
        examples=["yoc-refresh-..."],
    )


class TokenAnswer(BaseModel):
    """A token pair."""

    user_uuid: str = Field(title="User", examples=["0b1f6f5e-4a7e-4d0c-9d3f-59c0a7e5c0de"])
    jti: str = Field(title="Id of the pair", examples=["4f1c7c52-6b0a-4a80-9b39-0d3f5a9f5b52"])
    token_type: Literal["Bearer"] = Field(title="Type", examples=["Bearer"])
    expires_in: int = Field(title="Lifetime of the access token in seconds", examples=[3600])
    access_token: str = Field(title="Access token", examples=["yoc-access-..."])
    refresh_token: str = Field(
        title="Refresh token", description="For the next pair; works once.", examples=["yoc-refresh-..."]
    )


class Problem(BaseModel):
    """An error. Assumed."""

    error: str = Field(title="Code", examples=["invalid_request"])
    message: str = Field(title="What is wrong", examples=["Unknown column 'impression' in data_fields."])


class TokenProblem(BaseModel):
    """An error of the token endpoint, after RFC 6749. Assumed."""

    error: str = Field(title="Code", examples=["invalid_grant"])
    error_description: str = Field(title="What is wrong", examples=["The refresh token is not valid."])


MODELS: tuple[type[BaseModel], ...] = (
    ReportRequest,
    ReportAnswer,
    MetadataAnswer,
    TokenRequest,
    TokenAnswer,
    Problem,
    TokenProblem,
)
