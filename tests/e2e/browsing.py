"""Opening the pages in a real browser, and what every page must keep to."""

import contextlib
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Playwright
from running_ward import PASSWORD

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=document-user-activation-required",  # as on a desk; some distributions build it otherwise
]


def chromium() -> Path | None:
    """Find the system's browser."""
    usual = Path("/usr/bin/chromium")
    found = shutil.which("chromium") or (str(usual) if usual.exists() else None)
    return Path(found) if found else None


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=str(chromium()), args=FLAGS)


class Visit:
    """One person's browser: a page, and what went wrong on it."""

    def __init__(self, browser: Browser, url: str, **options: object) -> None:
        self.url = url
        self.context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 800}, **options)
        self.page: Page = self.context.new_page()
        self.console: list[str] = []
        self.foreign: list[str] = []
        self.page.on(
            "console", lambda said: self.console.append(said.text) if said.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("request", self._note)

    def log_in(self, role: str) -> Page:
        self.page.goto("/login")
        self.page.fill("[name=name]", f"a-{role}")
        self.page.fill("[name=password]", PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{self.url}/")
        return self.page

    def close(self) -> None:
        with contextlib.suppress(Exception):
            # an answer that is still being made up would fail in the middle of the next test
            self.page.unroute_all(behavior="wait")
        with contextlib.suppress(Exception):
            self.context.close()

    def _note(self, request) -> None:
        mine = urlsplit(self.url).netloc
        if urlsplit(request.url).netloc != mine and not request.url.startswith("data:"):
            self.foreign.append(request.url)
