"""The sandbox's page in a headless Chromium; run as a script, it makes the picture of it in docs/images."""

from __future__ import annotations

import base64
import shutil
import struct
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from playwright.sync_api import Browser, Page

    from tap_yoc.sandbox.server import Sandbox

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "sandbox.png"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",  # root cannot have Chromium's own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# A picture as `[width, height, bytes of its pixels, four each]`.
PIXELS = """async (picture) => {
  const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const url = await new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(new Blob([data]));
  });
  return [bitmap.width, bitmap.height, url.slice(url.indexOf(",") + 1)];
}"""


def chromium() -> str | None:
    """Return the path of the machine's Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """Yield the machine's Chromium; no other is downloaded."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        try:
            yield opened
        finally:
            opened.close()


def open_page(opened: Browser, sandbox: Sandbox, *, now: datetime | None = None, **options: Any) -> Page:  # noqa: ANN401 - what a context takes
    """Return a new page that shows the sandbox, up to date; `now` is what the browser takes the time to be."""
    page = opened.new_context(**options).new_page()
    page.set_default_timeout(10_000)
    if now:
        page.clock.set_fixed_time(now)
    page.goto(sandbox.url)
    page.locator("#link.up").wait_for()
    return page


def take_picture(path: Path, **options: Any) -> None:  # noqa: ANN401 - what a context takes
    """Write a picture of the page: two forms and a fault are on, and a run has just met two other faults."""
    from harness import MORNING, TODAY, run_tap  # noqa: PLC0415 - the tests that only open the page need no tap

    from tap_yoc.sandbox.server import Sandbox  # noqa: PLC0415 - likewise

    with Sandbox(today=TODAY, port=8098, clock=MORNING.timestamp) as sandbox, browser() as opened:
        sandbox.forms = sandbox.forms.but({"total": "pagination", "numbers": "text"})
        sandbox.add_fault("status", status=429, retry_after="2", match='"site_visx_id"')
        sandbox.add_fault("drop_row", match='"site_visx_id"', after=1)
        run_tap({**sandbox.config, "start_date": "2026-02-01"}, streams=["daily_totals", "site_daily", "sites"])
        sandbox.add_fault("cut_json", times=-1, match='"ad_unit_visx_id"')
        page = open_page(opened, sandbox, now=MORNING, viewport={"width": 1360, "height": 800}, **options)
        page.locator("tr.new").first.wait_for()
        page.locator("#log tr", has_text="429").get_by_role("button").click()
        shot = page.screenshot(animations="disabled")
        page.goto("about:blank")  # which, unlike the page, may load a picture
        path.write_bytes(smaller(page, shot))


def smaller(page: Page, picture: bytes) -> bytes:
    """Return the same picture in fewer bytes: much text packs best without the filters that Chromium writes."""
    width, height, pixels = page.evaluate(PIXELS, base64.b64encode(picture).decode())
    rgba = base64.b64decode(pixels)
    rgb = bytearray(width * height * 3)
    for channel in range(3):
        rgb[channel::3] = rgba[channel::4]
    rows = b"".join(b"\0" + rgb[start : start + width * 3] for start in range(0, len(rgb), width * 3))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    take_picture(PICTURE)
