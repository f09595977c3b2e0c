"""Shared fixtures: no network, fixed hypothesis profile, the tiny city."""

import os
import shutil
import tempfile

import pytest
from hypothesis import HealthCheck, settings

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)

settings.register_profile("qzrisk", deadline=None, derandomize=True, max_examples=60,
                          suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("qzrisk")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
# Fonts cut in a test never land in the cache of the person who runs it.
os.environ["QZRISK_CACHE"] = tempfile.mkdtemp(prefix="qzrisk-test-")


@pytest.fixture(scope="session")
def tiny_city(tmp_path_factory):
    """Project file of a small second city, made here: other ids, other names, another CRS."""
    from city import write_city

    return write_city(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: make system")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Open a page offline; at the end nothing may have been asked for, and nothing have failed."""
    faults, contexts = [], []

    def go(text, **options):
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_bytes(text.encode())
        context = browser.new_context(
            offline=True, **{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"error {error}"))
        page.on("console", lambda line: faults.append(f"console {line.text}")
                if "willReadFrequently" not in line.text else None)  # the tests' own look
        page.on("request", lambda request: faults.append(f"request {request.url}")
                if not request.url.startswith(("file:", "data:", "blob:")) else None)
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready=true]", timeout=20_000)
        return page

    yield go
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def quick_fonts(request, monkeypatch):
    """Fonts cost a second a page: only tests that ask for them get them."""
    from qzrisk.maps import web

    if "real_fonts" not in request.fixturenames:
        monkeypatch.setattr(web, "subset_font_css", lambda *_: "")


@pytest.fixture
def real_fonts():
    """Ask for the bundled fonts."""
