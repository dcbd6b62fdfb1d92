"""The inspector's page in a real browser: what one sees, and that nothing of it is done to whoever looks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

import gw_extproc
from gw_extproc.core.rules import RULES
from tests.events import events_of
from tests.gateway_process import Gateway
from tests.inspector.conftest import inspected
from tests.real import chat
from tests.real.callers import asking, post, streaming
from tests.real.upstream import Gate, Upstream
from tests.waiting import DEADLINE, until

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LARGEST_PAGE = 60_000
HOSTILE = '<img src="x" onerror="document.title = \'taken\'"><script>document.title = "taken"</script>'

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (docs/development.md says how to get one)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def plain(upstream: Upstream) -> Iterator[Gateway]:
    """As it is by itself: without contents."""
    with inspected(upstream, command="http") as gateway:
        yield gateway


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Fails where the page complains, or asks anybody else."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(DEADLINE * 1000)
    page = context.new_page()

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", said)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if "//127.0.0.1:" not in request.url else None)
    yield page
    context.close()
    assert complaints == []


def opened(page: Page, gateway: Gateway, at: str = "#/") -> None:
    page.goto(f"{gateway.inspector}{at}")
    expect(page.locator("#live")).to_have_text("live")


def exchange_of(gateway: Gateway, response_id: str) -> str:
    """The address of its view."""

    def found() -> list[dict[str, str]]:
        rows: list[dict[str, str]] = httpx2.get(f"{gateway.inspector}/api/exchanges", params={"id": response_id}).json()["exchanges"]
        return [row for row in rows if row["state"] != "running"]

    until(lambda: bool(found()), "the exchange")
    return f"#/x/{found()[0]['id']}"


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than the screen."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wider


def test_it_is_small() -> None:
    files = (Path(gw_extproc.__file__).parent / "admin" / "page").iterdir()
    assert sum(file.stat().st_size for file in files) < LARGEST_PAGE


def test_empty_it_says_how_to_begin_and_by_itself_it_shows_no_contents(page: Page, plain: Gateway, upstream: Upstream) -> None:
    opened(page, plain)
    expect(page.locator(".empty")).to_contain_text("No exchanges yet")
    expect(page.locator(".empty pre")).to_contain_text(f"curl http://127.0.0.1:{plain.port}/v1/responses")
    model = upstream.script([chat.JSON, chat.completion(content="a-secret")])
    id = post(plain, model, input="a-secret", metadata={"run": "7"}).json()["id"]
    expect(page.locator(".row strong")).to_have_text(model)
    page.locator(".row").click()
    expect(page.locator("article h1")).to_have_text(id)
    expect(page.locator(".notices")).to_contain_text("metadata")
    expect(page.locator(".hint")).to_contain_text("--inspector content")
    told = httpx2.get(f"{plain.inspector}/api/exchanges/{page.url.rpartition('/')[2]}").text
    assert "a-secret" not in told + page.content()


def test_an_exchange_appears_while_it_runs(page: Page, gateway: Gateway, upstream: Upstream) -> None:
    opened(page, gateway)
    gate = Gate()
    model = upstream.script([chat.EVENTS, *chat.text("Hel"), gate, *chat.text("lo"), chat.finish()])
    row = page.locator(".row", has_text=model)
    with streaming(gateway, model) as events:
        expect(row.locator(".badge")).to_have_text("running")
        gate.open()
        list(events)
    expect(row.locator(".badge")).to_have_text("completed")
    expect(row.locator(".tokens")).to_have_text("11 → 7")
    page.get_by_label("Model").fill("no such model")
    expect(page.locator(".empty")).to_contain_text("Nothing here matches")
    page.get_by_label("Model").fill(model)
    expect(page.locator(".row")).to_have_count(1)
    page.get_by_role("button", name="clear").click()
    expect(page.get_by_label("Model")).to_have_value("")


def test_one_exchange_with_all_that_became_of_it(page: Page, gateway: Gateway, upstream: Upstream) -> None:
    model = upstream.script([chat.JSON, chat.completion(content="I am a model.")], chat.answer("You are Ada."))
    first = post(gateway, model, input="I am Ada.", instructions="Be brief.").json()["id"]
    fields: dict[str, Any] = {
        "metadata": {"run": "7"},
        "max_output_tokens": 50,
        "tools": [{"type": "web_search"}],
        "previous_response_id": first,
    }
    id = events_of(post(gateway, model, stream=True, **fields).text)[0]["response"]["id"]
    opened(page, gateway, exchange_of(gateway, id))
    expect(page.locator("article h1")).to_have_text(id)
    asked, sent = page.locator(".compare .side").all()
    expect(asked.locator(".field[data-mark=dropped]", has_text="metadata").locator(".words")).to_have_text("not sentrule hints")
    expect(asked.locator(".field", has_text="max_output_tokens").locator(".words")).to_have_text("→ max_tokensrule max_tokens")
    expect(page.locator(".notices")).to_have_text(
        "tools left outweb_searchnot sentmetadata hintsanother formmax_output_tokens max_tokensstream include_usage"
    )
    expect(page.locator(".notices small", has_text="hints")).to_have_attribute("title", RULES["hints"])
    expect(asked.locator(".field[data-mark=dropped]", has_text="web_search")).to_contain_text("tools left out")
    expect(asked.locator(".field", has_text="previous_response_id")).to_contain_text("→ messages")
    expect(sent.locator(".field", has_text="messages")).to_contain_text("I am a model.")
    expect(sent.locator(".field", has_text="max_tokens")).to_contain_text("← max_output_tokens")
    expect(page.locator(".lane-name")).to_contain_text(["exchange", "store", "translate", "model", "store", "answer"])
    expect(page.locator(".first")).to_contain_text("first token")
    expect(page.locator(".event .type")).to_contain_text(["created", "output_text.delta", "completed"])
    expect(page.locator("section", has_text="Answer").last).to_contain_text("You are Ada.")
    turns = page.locator(".thread li")
    expect(turns).to_have_count(2)
    expect(turns.first).to_contain_text("I am Ada.")
    turns.first.get_by_role("link").click()
    expect(page.locator("article h1")).to_have_text(first)


def test_the_playground_sends_and_watches(page: Page, gateway: Gateway, upstream: Upstream) -> None:
    gate = Gate()
    model = upstream.script([chat.EVENTS, *chat.text("Hel"), gate, *chat.text("lo"), chat.finish()])
    opened(page, gateway, "#/play")
    page.get_by_label("Request").fill("{")
    expect(page.get_by_role("alert")).to_have_text("This is not JSON.")
    page.get_by_label("Request").fill(json.dumps(asking(model, stream=True)))
    page.get_by_role("button", name="Explain").click()
    expect(page.locator(".out .badge")).to_have_text("explained")
    expect(page.locator(".compare .side").last).to_contain_text("messages")
    assert upstream.count(model) == 0
    page.get_by_label("Request").press("Control+Enter")
    expect(page.locator(".out .said")).to_have_text("Hel")
    gate.open()
    expect(page.locator(".out .badge")).to_have_text("completed")
    expect(page.locator(".out .said")).to_have_text("Hello")
    page.get_by_text("show the exchange").click()
    expect(page.locator("article .badge").first).to_have_text("completed")


def test_what_models_and_callers_say_is_only_text(page: Page, gateway: Gateway, upstream: Upstream) -> None:
    model = upstream.script([chat.JSON, chat.completion(content=HOSTILE)])
    id = post(gateway, model, input=HOSTILE, instructions=HOSTILE).json()["id"]
    opened(page, gateway, exchange_of(gateway, id))
    expect(page.locator(".answer .said").last).to_have_text(HOSTILE)
    assert page.locator("article img, article script").count() == 0
    assert page.title().startswith("Inspector")


def test_it_is_used_with_the_keyboard(page: Page, gateway: Gateway, upstream: Upstream) -> None:
    model = upstream.script([chat.JSON, chat.completion(content="Hello")])
    ids = [post(gateway, model).json()["id"] for _ in range(2)]
    opened(page, gateway)
    page.keyboard.press("/")
    expect(page.get_by_label("Id", exact=True)).to_be_focused()
    page.get_by_label("Model").fill(model)
    expect(page.locator(".row")).to_have_count(2)
    page.locator(".brand").focus()
    page.keyboard.press("j")
    expect(page.locator("article h1")).to_have_text(ids[1])
    page.keyboard.press("j")
    expect(page.locator("article h1")).to_have_text(ids[0])
    page.keyboard.press("Escape")
    expect(page.locator("article")).to_have_count(0)
    page.keyboard.press("p")
    expect(page.get_by_label("Request")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_on_a_phone(browser: Browser, gateway: Gateway, upstream: Upstream, scheme: str) -> None:
    model = upstream.script(chat.answer("A long word: " + "x" * 400))
    with streaming(gateway, model) as events:
        id = list(events)[-1]["response"]["id"]
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    opened(page, gateway)
    expect(page.locator(".row").first).to_be_visible()
    assert overflow(page) <= 0
    opened(page, gateway, exchange_of(gateway, id))
    page.reload()
    expect(page.locator("article h1")).to_have_text(id)
    expect(page.locator(".list")).to_be_hidden()
    assert overflow(page) <= 0
    page.get_by_role("link", name="Playground").click()
    expect(page.get_by_label("Request")).to_be_visible()
    assert overflow(page) <= 0
    shade: int = page.evaluate("Number(getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/)[0])")
    assert (shade < 128) == (scheme == "dark")
    context.close()
