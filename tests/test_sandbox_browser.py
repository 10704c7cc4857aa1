"""The sandbox's page in a real browser, beside real runs of the tap."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest
import requests
from browser import browser, chromium, open_page
from harness import TODAY, needs, run_tap

from tap_yoc.sandbox.forms import Forms
from tap_yoc.sandbox.request_log import MASK, RequestLog
from tap_yoc.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

TIMEOUT_MS = 10_000
DESKTOP: ViewportSize = {"width": 1360, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}

# Texts whose colour is too near to that of what lies behind them, after WCAG 2.2, criterion 1.4.3.
PALE_TEXTS = """() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
  };
  const texts = [...document.querySelectorAll("body *")].filter((node) =>
    node.checkVisibility({ opacityProperty: true })
    && [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()));
  return [texts.length, texts.filter((node) => {
    const [a, b] = [light(parts(getComputedStyle(node).color)), light(behind(node))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
  }).map((node) => node.outerHTML.slice(0, 120))];
}"""
NAMELESS_CONTROLS = """() => [...document.querySelectorAll("button, input, select")].filter((node) =>
  !(node.ariaLabel || node.labels?.length || node.textContent.trim().length > 2)).map((node) => node.outerHTML)"""


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    """Yield a headless Chromium."""
    needs(None if chromium() else "needs Chromium: apt-get install chromium")
    with browser() as found:
        yield found


@pytest.fixture
def show(opened: Browser, sandbox: Sandbox) -> Iterator[Callable[..., Page]]:
    """Return a call that opens a page; all must come through without an error and without asking another host."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    hosts: set[str] = set()

    def call(path: str = "/", **options: Any) -> Page:  # noqa: ANN401 - what a context takes
        contexts.append(opened.new_context(**{"viewport": DESKTOP, **options}))
        page = contexts[-1].new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.goto(sandbox.url + path)
        return page

    yield call
    for context in contexts:
        context.close()
    assert complaints == []
    assert hosts - {""} == {urlsplit(sandbox.url).netloc}, "a request to another host"


def first_row(page: Page, part: str) -> str:
    """Return the newest request with a text in it, on one line, once it is shown."""
    row = page.locator("#log tr[data-number]").filter(has_text=part).first
    return " ".join(row.inner_text().split())


def test_page_can_be_read(show: Callable[..., Page], sandbox: Sandbox) -> None:
    """By day, by night and on a phone: contrast is enough, every control has a name, nothing sticks out sideways."""
    sandbox.forms = Forms(envelope="bare")
    sandbox.add_fault("status", status=429, where="token")
    assert run_tap(sandbox.config, streams=["daily_totals"]).exit_code == 0
    sandbox.add_fault("wrong_total", times=-1)
    page = show(color_scheme="light")
    first_row(page, "429")
    page.locator(".opens").first.click()
    page.locator("#switched .chip").nth(1).wait_for()
    assert page.evaluate(NAMELESS_CONTROLS) == []
    grounds = set()
    looks: list[tuple[Literal["light", "dark"], ViewportSize]]
    looks = [("light", DESKTOP), ("dark", DESKTOP), ("dark", PHONE), ("light", PHONE)]
    for scheme, size in looks:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size(size)
        count, pale = page.evaluate(PALE_TEXTS)
        assert count > 100, (scheme, size)
        assert pale == [], (scheme, size)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (scheme, size)
        grounds.add(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    assert len(grounds) == 2


def test_connect_says_what_reaches_the_sandbox(show: Callable[..., Page], sandbox: Sandbox) -> None:
    """The settings on the page are the sandbox's, ready to be copied."""
    page = show(permissions=["clipboard-read", "clipboard-write"])
    page.locator("#connect td").first.wait_for()
    assert json.loads(page.locator("#config").inner_text()) == sandbox.config
    assert set(page.locator("#login code").all_inner_texts()) == {
        sandbox.url + "/api/v1/reporting/publishers",
        sandbox.url + "/api/v2/oauth/token",
        *(sandbox.config[name] for name in ("client_id", "client_secret", "username", "password")),
    }
    page.locator("#connect button").first.click()
    page.get_by_text("Copied.").wait_for()
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == sandbox.config
    assert f"curl -so config.json {sandbox.url}/_sandbox/config" in page.locator("#commands").inner_text()


def test_requests_of_a_run_appear(show: Callable[..., Page], sandbox: Sandbox) -> None:
    """While the page is open, a run's requests come with what was asked and answered, and without secrets."""
    page = show()
    page.get_by_text("No request yet.").wait_for()
    outcome = run_tap({**sandbox.config, "start_date": "2026-06-01"}, streams=["site_daily"])
    assert outcome.exit_code == 0
    report = first_row(page, "site_visx_id")
    assert "report 2026-06-01 to 2026-06-14 by date, publisher_visx_id, site_visx_id 1 200 168 of 168" in report
    page.locator("#log tr", has_text="password").get_by_role("button").click()
    body = json.loads(page.locator("#log tr.body").inner_text())
    assert body == {
        "grant_type": "password",
        "client_id": sandbox.config["client_id"],
        "username": sandbox.config["username"],
        "client_secret": MASK,
        "password": MASK,
    }
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("No request yet.").wait_for()
    assert sandbox.requests == []
    sandbox.world.requests.add(RequestLog(kind="metadata", status=200))
    number = first_row(page, "metadata").split()[0]
    assert number != "1"
    page.get_by_text(f"1 so far, from No. {number} on", exact=True).wait_for()


def test_failures_are_found_among_many(show: Callable[..., Page], sandbox: Sandbox) -> None:
    """Most of the window shows requests, one on a line, and a tick leaves those that failed or met a fault."""
    for number in range(1, 402):
        fault = "drop_row" if number == 7 else None
        status = 429 if number == 5 else 200
        sandbox.world.requests.add(RequestLog(kind="report", status=status, body={"page": number}, fault=fault))
    page = show()
    page.get_by_text(re.compile(r"^401 so far.*, the newest 300 shown$")).wait_for()
    listed = page.locator("#requests .scroll").bounding_box()
    row = page.locator("#log tr").first.bounding_box()
    assert listed
    assert row
    assert min(listed["height"], DESKTOP["height"] - listed["y"]) / row["height"] > 18
    page.get_by_label("Failures only").check()
    page.get_by_text("2 of 401 failed", exact=True).wait_for()
    assert page.locator("#log tr").count() == 2
    assert " 5 429" in first_row(page, "429")
    sandbox.world.requests.add(RequestLog(kind="metadata", status=200))
    sandbox.world.requests.add(RequestLog(kind="metadata", status=500))
    page.get_by_text("3 of 403 failed", exact=True).wait_for()
    page.get_by_label("Failures only").uncheck()
    page.get_by_text(re.compile(r"^403 so far.*, the newest 300 shown$")).wait_for()


def test_a_fault_of_the_page_hits_the_next_run(show: Callable[..., Page], sandbox: Sandbox) -> None:
    """A fault switched on in the page is met by the tap, shown beside its request, and used up."""
    page = show()
    form = page.locator("#fault")
    form.get_by_label("status Answers with").check()
    form.get_by_role("spinbutton", name="Status").fill("502")
    form.get_by_label("How many requests").fill("2")
    form.get_by_text("Only some requests").click()
    form.get_by_label("Only bodies that contain").fill('"site_visx_id"')
    form.get_by_role("button", name="Switch on").click()
    chip = 'status: the next 2 report requests, with "site_visx_id", status 502'
    page.locator("#switched .chip").get_by_text(chip).wait_for()

    outcome = run_tap({**sandbox.config, "start_date": "2026-06-01"}, streams=["site_daily"])
    assert outcome.exit_code == 0
    assert outcome.log.count("HTTP 502; waiting") == 2
    assert "site_visx_id 1 502 status" in first_row(page, "502")
    page.get_by_text("Nothing: a healthy server.").wait_for()


def test_faults_are_switched_off(show: Callable[..., Page], sandbox: Sandbox) -> None:
    """A permanent fault stays until it is dropped, alone or with all others."""
    page = show()
    form = page.locator("#fault")
    form.get_by_label("slow_body").check()
    assert not form.get_by_role("spinbutton", name="Status").is_visible()
    form.get_by_role("spinbutton", name="Seconds").fill("0.5")
    form.get_by_role("combobox", name="Where").select_option("metadata")
    form.get_by_label("Every request").check()
    for _ in range(2):
        form.get_by_role("button", name="Switch on").click()
    page.locator("#queue li").nth(1).wait_for()
    first, second = sandbox.world.faults.listed()
    assert (first["kind"], first["where"], first["times"], first["seconds"]) == ("slow_body", "metadata", -1, 0.5)
    page.get_by_role("button", name="Switch off slow_body").first.click()
    page.locator("#queue li").nth(1).wait_for(state="detached")
    assert sandbox.world.faults.listed() == [second]
    page.get_by_role("button", name="Switch all off").click()
    page.get_by_text("Nothing: a healthy server.").wait_for()


def test_forms_are_switched(show: Callable[..., Page], sandbox: Sandbox) -> None:
    """A form changed in the page changes the answers; one changed elsewhere is shown; both can be healed."""
    page = show()
    count = len(fields(Forms))
    forms = page.locator("#forms")
    forms.get_by_label("envelope").select_option("nested")
    page.locator("#switched").get_by_text("envelope=nested").wait_for()
    forms.get_by_label("total_as_text").check()
    forms.get_by_label("page_cap").fill("50")
    forms.get_by_label("page_cap").press("Tab")
    page.get_by_text(f"3 of {count} changed").wait_for()
    assert sandbox.forms == Forms(envelope="nested", total_as_text=True, page_cap=50)
    assert run_tap({**sandbox.config, "start_date": "2026-06-01"}, streams=["site_daily"]).exit_code == 0
    assert "site_visx_id" in first_row(page, "50 of 168")

    sandbox.forms = Forms(page_cap=60, numbers="text")
    page.get_by_text(f"2 of {count} changed").wait_for()
    assert forms.get_by_label("page_cap").input_value() == "60"
    page.get_by_role("button", name="Reset page_cap").click()
    page.get_by_text(f"1 of {count} changed").wait_for()
    assert sandbox.forms == Forms(numbers="text")
    page.get_by_role("button", name="All healthy").click()
    page.get_by_text(f"0 of {count} changed").wait_for()


def test_day_tokens_and_all_the_rest(show: Callable[..., Page], sandbox: Sandbox) -> None:
    """The day moves on, access tokens expire, and one button puts everything back."""
    page = show()
    login = {**sandbox.config, "grant_type": "password"}
    token = requests.post(f"{sandbox.url}/api/v2/oauth/token", json=login, timeout=10).json()["access_token"]
    page.get_by_role("button", name="Next day").click()
    page.get_by_text("serves 2025-12-16 to 2026-06-15").wait_for()
    assert sandbox.today == TODAY + timedelta(days=1)
    page.get_by_label("Today", exact=True).fill("2026-07-01")
    page.get_by_text("serves 2026-01-01 to 2026-06-30").wait_for()
    assert sandbox.world.tokens.is_live(token)
    page.get_by_role("button", name="Expire access tokens").click()
    page.get_by_text("All access tokens have expired.").wait_for()
    assert not sandbox.world.tokens.is_live(token)
    page.get_by_role("button", name="Reset", exact=True).click()
    page.get_by_text("serves 2025-12-15 to 2026-06-14").wait_for()
    assert (sandbox.today, sandbox.requests) == (TODAY, [])


def test_the_next_day_waits_for_a_day(show: Callable[..., Page], sandbox: Sandbox) -> None:
    """Before the day is there, and while its field is empty, there is none to go on from."""
    assert show(java_script_enabled=False).locator("#next-day").is_disabled()
    page = show()
    page.locator("#next-day:enabled").wait_for()
    page.get_by_label("Today", exact=True).fill("")
    assert page.locator("#next-day").is_disabled()
    page.get_by_label("Today", exact=True).blur()
    page.locator("#next-day:enabled").click()
    page.get_by_text("serves 2025-12-16 to 2026-06-15").wait_for()
    assert sandbox.today == TODAY + timedelta(days=1)


def test_page_stays_small_and_shows_texts_as_texts(show: Callable[..., Page], sandbox: Sandbox) -> None:
    """However many requests there were, the newest 300 are shown; what they contain is never run."""
    hostile = "<img src=x onerror=alert(1)>"
    for number in range(1, 402):
        body = {"group_by": [hostile], "page": number, "query": {"eq": {"date": hostile}}}
        sandbox.world.requests.add(RequestLog(kind="report", status=200, body=body, fault=hostile))
    page = show()
    page.get_by_text(re.compile(r"^401 so far(, from No\. \d+ on)?, the newest 300 shown$")).wait_for()
    assert page.locator("#log tr").count() == 300
    assert f"report {hostile} by {hostile} 401 200 {hostile}" in first_row(page, "401")
    assert page.locator("#log img").count() == 0


def test_page_says_when_the_sandbox_is_gone(opened: Browser) -> None:
    """A stopped sandbox is named as such, and one started in its place is shown afresh."""
    with Sandbox(today=TODAY) as gone:
        gone.world.requests.add(RequestLog(kind="metadata", status=200))
        page = open_page(opened, gone)
        first_row(page, "metadata")
        page.get_by_role("spinbutton", name="latency_ms").fill("-1")
        page.get_by_role("spinbutton", name="latency_ms").press("Tab")
        assert gone.forms == Forms()
    page.get_by_text("no answer; has it been stopped?").wait_for()
    with Sandbox(today=TODAY, port=urlsplit(gone.url).port or 0) as another:
        another.world.requests.add(RequestLog(kind="token", status=200, body={"grant_type": "password"}))
        another.world.requests.add(RequestLog(kind="token", status=200, body={"grant_type": "refresh_token"}))
        first_row(page, "refresh_token")
        assert page.locator("#log tr").count() == 2
        page.context.close()


def test_api_description_works_without_any_other_host(show: Callable[..., Page]) -> None:
    """The description of the API is drawn from the sandbox's own files, and can be tried out."""
    page = show("/docs")
    page.get_by_role("heading", name="YOC publisher reporting (sandbox)").wait_for()
    page.locator("#operations-sandbox-get_state__sandbox_state_get").get_by_role("button").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table").get_by_text('"earliest"').first.wait_for()
