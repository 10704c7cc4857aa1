"""The floor: what a hand-tuned reader of this one report needs, which validates nothing and knows the API by heart.

`python floor.py config.json` writes the lines that a tap would write. Pages are fetched ahead by threads and written
in order; no retries, no metadata, no state.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import urllib3

if TYPE_CHECKING:
    from concurrent.futures import Future

STREAM = "ad_unit_country_daily"


class Row(msgspec.Struct, gc=False):
    """The report's columns."""

    date: str
    publisher_visx_id: int
    site_visx_id: int
    ad_unit_visx_id: int
    country: str
    total_traffic: int
    ad_requests: int
    impressions: int
    views: int
    clicks: int
    vtr_imps: int
    ctr_imps: int
    vtr_percent: float
    ctr_percent: float
    billable_events: int
    revenue: float
    ecpm: float
    currency: str


class Page(msgspec.Struct):
    """What matters of an answer."""

    data: list[Row]
    total: int


class Message(msgspec.Struct, gc=False):
    """A line of output."""

    type: str
    stream: str
    record: Row
    time_extracted: str


def main(path: str) -> None:
    """Read the report and write it."""
    config = json.loads(Path(path).read_text("utf-8"))
    concurrency = config["concurrency"]
    http = urllib3.PoolManager(maxsize=concurrency, retries=False)
    login = {"grant_type": "password", **{k: config[k] for k in ("username", "password", "client_id", "client_secret")}}
    pair = http.request("POST", f"{config['auth_url']}/api/v2/oauth/token", json=login).json()
    headers = {"Authorization": f"Bearer {pair['access_token']}", "Content-Type": "application/json"}
    headers["Accept-Encoding"] = "gzip"
    query = {**config["query"], "page": 1}
    url = f"{config['api_url']}/api/v1/reporting/publishers"
    decoder = msgspec.json.Decoder(Page)
    encoder = msgspec.json.Encoder()
    fetched_at = datetime.now(timezone.utc).isoformat()
    out = sys.stdout.buffer

    def fetch(number: int) -> bytes:
        return http.request("POST", url, body=json.dumps({**query, "page": number}), headers=headers).data

    def write(page: Page) -> None:
        out.write(encoder.encode_lines([Message("RECORD", STREAM, row, fetched_at) for row in page.data]))

    with ThreadPoolExecutor(concurrency) as pool:
        first = decoder.decode(fetch(1))
        pages = -(-first.total // query["page_size"])
        numbers = iter(range(2, pages + 1))
        ahead: deque[Future[bytes]] = deque(
            pool.submit(fetch, n) for _, n in zip(range(concurrency), numbers, strict=False)
        )
        write(first)
        while ahead:
            body = ahead.popleft().result()
            if (number := next(numbers, None)) is not None:
                ahead.append(pool.submit(fetch, number))
            write(decoder.decode(body))


if __name__ == "__main__":
    main(sys.argv[1])
