"""Login, paging and requests."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk.authenticators import OAuthAuthenticator
from singer_sdk.pagination import PageNumberPaginator
from singer_sdk.streams import RESTStream

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context


class PasswordAuthenticator(OAuthAuthenticator):
    """The password grant."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Take the credentials."""
        super().__init__(
            auth_endpoint=f"{config['auth_url']}/api/v2/oauth/token",
            client_id=config["client_id"],
            client_secret=config["client_secret"],
        )
        self._username = config["username"]
        self._password = config["password"]

    @property
    def oauth_request_body(self) -> dict[str, Any]:
        """The login."""
        return {
            "grant_type": "password",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "username": self._username,
            "password": self._password,
        }


class ReportStream(RESTStream[int]):
    """A report."""

    http_method = "POST"
    path = "/api/v1/reporting/publishers"
    records_jsonpath = "$.data[*]"

    @property
    def url_base(self) -> str:
        """The API's address."""
        return str(self.config["api_url"])

    @cached_property
    def authenticator(self) -> PasswordAuthenticator:
        """One login for the stream."""
        return PasswordAuthenticator(dict(self.config))

    def get_new_paginator(self) -> PageNumberPaginator:
        """Count pages from 1, until one is empty."""
        return PageNumberPaginator(start_value=1)

    def prepare_request_payload(self, context: Context | None, next_page_token: int | None) -> dict[str, Any]:
        """Return the report's request."""
        dimensions = list(self.primary_keys or ())
        return {
            "query": {
                "and": [
                    {"gte": {"date": self.get_starting_replication_key_value(context)}},
                    {"lte": {"date": self.config["end_date"]}},
                ]
            },
            "page": next_page_token,
            "page_size": 500,
            "group_by": [name for name in dimensions if name != "currency"],
            "data_fields": [name for name in self.schema["properties"] if name not in dimensions or name == "currency"],
            "sort": [f"+{name}" for name in dimensions],
        }
