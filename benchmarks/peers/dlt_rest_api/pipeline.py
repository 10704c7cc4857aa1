"""YOC's report with dlt's rest_api source, as dlt's documentation sets one up.

`python pipeline.py config.json` runs extract, normalize and load; with `extract` behind it, the first only. Rows go to
JSON lines in a folder, or with a `destination` into tables, where days of a lookback replace those that are there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration import configspec
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator
from dlt.sources.rest_api import rest_api_source

STREAM = "ad_unit_country_daily"


@configspec
class PasswordGrant(OAuth2ClientCredentials):
    """The grant that YOC has, by the method that dlt's documentation overrides for such cases."""

    def build_access_token_request(self) -> dict[str, Any]:
        """Return the login as JSON."""
        login = {"client_id": self.client_id, "client_secret": self.client_secret, **self.access_token_request_data}
        return {"json": login}


def client(config: dict[str, Any]) -> dict[str, Any]:
    """Return login and paging."""
    auth = PasswordGrant(
        access_token_url=f"{config['auth_url']}/api/v2/oauth/token",
        client_id=config["client_id"],
        client_secret=config["client_secret"],
        access_token_request_data={
            "grant_type": "password",
            "username": config["username"],
            "password": config["password"],
        },
    )
    # dlt's total counts pages and YOC's rows, so that the end is the first empty page.
    paginator = PageNumberPaginator(base_page=1, page_body_path="page", total_path=None)
    return {"base_url": config["api_url"], "auth": auth, "paginator": paginator}


def resource(query: dict[str, Any], **hints: Any) -> dict[str, Any]:  # noqa: ANN401 - dlt's
    """Return the report's resource."""
    endpoint = {"path": "api/v1/reporting/publishers", "method": "POST", "json": query, "data_selector": "data"}
    return {"name": STREAM, "write_disposition": "append", "endpoint": endpoint, **hints}


def by_window(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a resource for each window, all of which fill one table; dlt reads them side by side."""
    dlt.config["extract.workers"] = config["workers"]
    return [
        resource(
            {**config["query"], "query": {"and": [{"gte": {"date": first}}, {"lte": {"date": last}}]}},
            name=f"{STREAM}_{first}",
            table_name=STREAM,
        )
        for first, last in config["windows"]
    ]


def incremental(config: dict[str, Any]) -> dict[str, Any]:
    """Return the resource that goes on where it was, less a lookback, and replaces rows of the same key."""
    days = [{"gte": {"date": "{incremental.start_value}"}}, {"lte": {"date": config["end_date"]}}]
    found = resource(
        {**config["query"], "query": {"and": days}},
        primary_key=config["key"],
        write_disposition=config["write_disposition"],
    )
    found["endpoint"]["incremental"] = {
        "cursor_path": "date",
        "initial_value": config["start_date"],
        "lag": config["lag_days"],
    }
    return found


def main(path: str, *steps: str) -> None:
    """Read the report."""
    config = json.loads(Path(path).read_text("utf-8"))
    if "destination" in config:
        resources = [incremental(config)]
        name, credentials = config["destination"]
        destination: Any = (
            dlt.destinations.postgres(credentials) if name == "postgres" else dlt.destinations.duckdb(credentials)
        )
    else:
        resources = by_window(config) if "windows" in config else [resource(config["query"])]
        destination = dlt.destinations.filesystem(Path(config["folder"], "loaded").as_uri())
    api: Any = {"client": client(config), "resources": resources}
    # Of a single resource, dlt does not heed `parallelized`.
    source = rest_api_source(api, name="yoc", parallelized="windows" in config)
    pipeline = dlt.pipeline(
        pipeline_name="yoc",
        pipelines_dir=config["folder"] + "/pipelines",
        destination=destination,
        dataset_name="yoc",
    )
    # None is dlt's own choice.
    file_format = config.get("file_format", "jsonl")
    if "extract" in steps:
        pipeline.extract(source, loader_file_format=file_format)
    else:
        pipeline.run(source, loader_file_format=file_format)


if __name__ == "__main__":
    main(*sys.argv[1:])
