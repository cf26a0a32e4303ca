"""The page in a browser: what it shows, and that it changes when records come."""

import json
import shutil
from contextlib import contextmanager

import pytest

from qvar.dashboard import serve

from .conftest import RESULT, append, record

pytest.importorskip("dash", reason="the dashboard extra is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f"none of {', '.join(NAMES)} is installed")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser):
    """Open the page; meanwhile there must be no error and no request to elsewhere."""

    @contextmanager
    def go(server, width=1400):
        page = browser.new_page(viewport={"width": width, "height": 1000})
        wrong = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
        own = (server.url, "data:", "blob:")
        page.on("request", lambda asked: None if asked.url.startswith(own) else wrong.append(asked.url))
        page.goto(server.url)
        yield page
        page.close()
        assert wrong == []

    return go


def test_a_run_in_progress_is_followed_to_its_end(make_run, tmp_path, visit):
    path = make_run("live", records=[record(1), record(2)])
    with serve([tmp_path / "runs"], refresh_seconds=0.2) as server, visit(server) as page:
        expect = playwright.expect
        row = page.locator("table.runs tbody tr")
        expect(row.locator(".state")).to_have_text("running")
        expect(row).to_contain_text("2 of 10")
        expect(page.locator("#curves .trace")).to_have_count(2)
        assert page.locator(".records tbody tr").count() == 2
        append(path, record(3), record(4, error=0.0005))
        expect(row).to_contain_text("4 of 10")
        expect(row).to_contain_text("0.5 mHa")
        expect(page.locator(".records tbody tr")).to_have_count(4)
        (path / "pareto.json").write_text(json.dumps([{"n_cnots": 1, "depth": 2, "error": 0.001}]))
        (path / "result.json").write_text(json.dumps(RESULT))
        expect(row.locator(".state")).to_have_text("finished")
        expect(page.locator("img.circuit")).to_be_visible()
        assert page.locator("img.circuit").evaluate("image => image.naturalWidth") > 50
        expect(page.locator("#pareto .point")).to_have_count(1)


def test_another_run_is_chosen_by_its_name_and_found_while_the_page_is_open(make_run, tmp_path, visit, monkeypatch):
    monkeypatch.setattr("qvar.dashboard.watcher._SEARCH_EVERY_SECONDS", 0.2)
    make_run("first", records=[record(1)])
    with serve([tmp_path / "runs"], refresh_seconds=0.2) as server, visit(server) as page:
        playwright.expect(page.locator("#detail h2")).to_have_text("runs/first")
        make_run("second", records=[record(1), record(2)], seed=1)
        page.get_by_role("link", name="runs/second").click()
        playwright.expect(page.locator("#detail h2")).to_have_text("runs/second")
        page.reload()
        playwright.expect(page.locator("#detail h2")).to_have_text("runs/second")


def test_hostile_text_in_files_is_only_text(make_run, tmp_path, visit):
    bad = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    path = make_run("a<b>&", records=[record(1, reason=bad), record(2)])
    (path / "error.json").write_text(json.dumps({"error": bad}))
    with serve([tmp_path / "runs"], refresh_seconds=0.2) as server, visit(server) as page:
        playwright.expect(page.locator("table.runs small")).to_have_text(bad)
        playwright.expect(page.locator(".records")).to_contain_text("<img src=x")
        playwright.expect(page.locator("#detail h2")).to_have_text("runs/a<b>&")
        assert page.locator("img[src=x]").count() == 0


def test_the_page_says_that_its_server_has_gone(make_run, tmp_path, browser):
    make_run("a", records=[record(1)])
    page = browser.new_page()
    with serve([tmp_path / "runs"], refresh_seconds=0.5) as server:
        page.goto(server.url)
        playwright.expect(page.locator("#detail h2")).to_have_text("runs/a")
        assert page.locator("body.gone").count() == 0
    playwright.expect(page.locator("body.gone")).to_have_count(1, timeout=15_000)
    page.close()


@pytest.mark.parametrize("width", [380, 1400])
def test_the_page_is_never_wider_than_its_window(make_run, tmp_path, visit, width):
    make_run("a-name-that-is-longer-than-most-people-would-ever-choose-for-a-run", records=[record(1)], result=RESULT)
    with serve([tmp_path / "runs"], refresh_seconds=0.5) as server, visit(server, width) as page:
        playwright.expect(page.locator("img.circuit")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
