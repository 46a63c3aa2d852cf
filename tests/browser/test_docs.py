"""The page at /docs in a real browser: it loads, signs in, publishes and reserves, with nothing to complain of."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Route, expect, sync_playwright

from tests.local.conftest import LocalStart

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PICTURES = Path(os.environ.get("PICTURES") or tempfile.mkdtemp(prefix="holdfast-"))
"""Where the screenshots go: outside the repository."""
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MILLISECONDS = 15_000
WIDTH = 1_280


@dataclass
class Visit:
    """A page that is open, and what went wrong on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def heard(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self.complaints.append(said.text)

    def operation(self, operation_id: str) -> Locator:
        return self.page.locator(f"[id$='-{operation_id}']")

    def open(self, operation_id: str) -> Locator:
        operation = self.operation(operation_id)
        operation.locator(".opblock-summary").click()
        expect(operation.locator(".execute")).to_be_visible()
        return operation

    def sign_in(self, token: str) -> None:
        self.page.locator(".auth-wrapper .authorize").click()
        self.page.locator(".modal-ux input").fill(token)
        self.page.locator(".modal-ux button[type=submit]").click()
        self.page.locator(".modal-ux .btn-done").click()

    def answer(self, operation: Locator) -> tuple[str, str]:
        """Status and body of what the operation's Execute has brought."""
        operation.locator(".execute").click()
        live = operation.locator(".live-responses-table .response")
        return (
            live.locator(".response-col_status").inner_text().split()[0],
            live.locator(".highlight-code").first.inner_text(),
        )

    def picture(self, name: str, of: Locator | None = None) -> None:
        """Of the whole page, or of what the window shows from there on."""
        if of is not None:
            of.evaluate("node => node.scrollIntoView()")
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=of is None)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalStart]:
    server = LocalStart()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def _visit(browser: Browser) -> Iterator[Visit]:
    page = browser.new_page(viewport={"width": WIDTH, "height": 900})
    page.set_default_timeout(MILLISECONDS)
    visit = Visit(page)
    page.on("console", visit.heard)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("requestfailed", lambda request: visit.complaints.append(f"failed: {request.url}"))
    page.on("request", lambda request: visit.asked.append(request.url))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', e => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`))"
    )
    try:
        yield visit
    finally:
        page.close()


def _publish_request() -> str:
    day = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d")
    slot = f'{{"startTime": "{day}T09:00:00Z", "endTime": "{day}T10:00:00Z"}}'
    return f'{{"providerId": "1234", "slots": [{slot}], "slotMinutes": 30}}'


def test_who_reads_the_page_can_sign_in_publish_and_reserve(server: LocalStart, browser: Browser) -> None:
    with _visit(browser) as visit:
        visit.page.goto(f"http://127.0.0.1:{server.port}/docs")
        expect(visit.operation("publishAppointments")).to_be_visible()
        visit.picture("docs")

        visit.sign_in("provider:1234")
        publish = visit.open("publishAppointments")
        publish.locator("textarea").fill(_publish_request())
        status, body = visit.answer(publish)
        assert status == "201"
        appointment_id = body.split('"appointmentId": "')[1].split('"')[0]

        reserve = visit.open("reserveAppointment")
        reserve.locator("tr[data-param-name=appointmentId] input").fill(appointment_id)
        reserve.locator("textarea").fill('{"clientId": "alice"}')
        visit.picture("request", of=reserve)
        status, body = visit.answer(reserve)
        visit.picture("answer", of=reserve.locator(".responses-wrapper"))
        visit.picture("documented", of=reserve.locator(".responses-table:not(.live-responses-table)"))

        width = visit.page.evaluate("document.documentElement.scrollWidth")

    assert status == "201"
    assert '"status": "reserved"' in body
    assert '"clientId": "alice"' in body
    assert width == WIDTH
    assert visit.complaints == []


def test_under_a_stages_prefix_it_asks_for_nothing_outside(server: LocalStart, browser: Browser) -> None:
    def stage(route: Route) -> None:
        # As API Gateway would: the app sees the path without the prefix, and knows of it.
        answer = route.fetch(url=route.request.url.replace("/api/", "/", 1))
        text = answer.text()
        if route.request.url.endswith("/openapi.json"):
            text = text.replace('"servers":[{"url":"/"}]', '"servers":[{"url":"/api"}]')
        route.fulfill(response=answer, body=text)

    with _visit(browser) as visit:
        visit.page.route("**/api/**", stage)
        visit.page.goto(f"http://127.0.0.1:{server.port}/api/docs")
        status, body = visit.answer(visit.open("getHealth"))

    assert (status, '"ok"' in body) == ("200", True)
    paths = [urlsplit(url).path for url in visit.asked if not url.startswith("data:")]
    assert [path for path in paths if not path.startswith("/api/")] == []
    assert visit.complaints == []


def test_a_problems_page_is_read(server: LocalStart, browser: Browser) -> None:
    with _visit(browser) as visit:
        visit.page.goto(f"http://127.0.0.1:{server.port}/problems/appointment-held")
        visit.picture("problem")
        expect(visit.page.locator("h1")).to_have_text("The appointment is held")
        visit.page.get_by_role("link", name="The documentation").click()
        expect(visit.operation("publishAppointments")).to_be_visible()

    assert visit.complaints == []
