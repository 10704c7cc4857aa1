"""YOC's report with dlt's rest_api source, as dlt's documentation sets one up; to JSON lines in a folder.

`python pipeline.py config.json` runs extract, normalize and load; with `extract` behind it, the first only.
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
class PasswordGrant(OAuth2ClientCredentials):  # type: ignore[misc] # dlt is not in the environment of the type checker
    """The grant that YOC has, by the method that dlt's documentation overrides for such cases."""

    def build_access_token_request(self) -> dict[str, Any]:
        """Return the login as JSON."""
        login = {"client_id": self.client_id, "client_secret": self.client_secret, **self.access_token_request_data}
        return {"json": login}


def main(path: str, *steps: str) -> None:
    """Read the report."""
    config = json.loads(Path(path).read_text("utf-8"))
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
    source = rest_api_source(
        {
            "client": {
                "base_url": config["api_url"],
                "auth": auth,
                # dlt's total counts pages and YOC's rows, so that the end is the first empty page.
                "paginator": PageNumberPaginator(base_page=1, page_body_path="page", total_path=None),
            },
            "resources": [
                {
                    "name": STREAM,
                    "write_disposition": "append",
                    "endpoint": {
                        "path": "api/v1/reporting/publishers",
                        "method": "POST",
                        "json": config["query"],
                        "data_selector": "data",
                    },
                }
            ],
        },
        name="yoc",
    )
    pipeline = dlt.pipeline(
        pipeline_name="yoc",
        pipelines_dir=config["folder"] + "/pipelines",
        destination=dlt.destinations.filesystem(Path(config["folder"], "loaded").as_uri()),
        dataset_name="yoc",
    )
    if "extract" in steps:
        pipeline.extract(source, loader_file_format="jsonl")
    else:
        pipeline.run(source, loader_file_format="jsonl")


if __name__ == "__main__":
    main(*sys.argv[1:])
