"""A real browser on a running API: log in, wait for what is shown, hear what was asked of whom."""

import base64
import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.patience import PATIENCE
from support.pictures import ink
from support.running import PASSWORD, RunningApi

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--ignore-certificate-errors"),
)
BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="Debian's chromium and chromium-driver are absent"),
    pytest.mark.timeout(120),
]
"""Marks of a module whose tests need it."""


@contextlib.contextmanager
def browser(scheme: str, size: tuple[int, int] = (1500, 1180)) -> Iterator[Any]:
    """Give a browser with an empty profile, light or dark."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = str(CHROMIUM)
    for flag in FLAGS:
        options.add_argument(flag)
    options.add_argument(f"--window-size={size[0]},{size[1]}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        driver.set_page_load_timeout(30)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        yield driver
    finally:
        driver.quit()


def log_in(driver: Any, api: RunningApi, page: str) -> None:
    """Open a page of the console, and log in as admin on the way."""
    driver.get(api.url + page)
    driver.find_element("id", "user").send_keys("admin")
    driver.find_element("id", "password").send_keys(PASSWORD)
    driver.find_element("tag name", "button").click()


def text(driver: Any, element: str) -> str:
    return str(driver.execute_script("return document.getElementById(arguments[0])?.textContent ?? ''", element))


def shown(driver: Any, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
    return list(driver.execute_script(script, selector))


def hears(driver: Any) -> bool:
    """Wait until the page hears that the server lives: one that does not calls itself old after a few seconds."""
    script = "const apply = rackwright.apply; rackwright.apply = (...news) => { window.beat = true; apply(...news) }"
    wait_for(lambda: driver.execute_script("return typeof rackwright"))
    driver.execute_script(script)
    return bool(wait_for(lambda: driver.execute_script("return window.beat")))


def wait_for(what: Callable[[], Any], within: float = 20.0) -> Any:
    deadline = time.monotonic() + within * PATIENCE
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not true within {within} s")


def body(driver: Any) -> str:
    # By script: an element that was found may be drawn anew, or left behind by a click, before it is asked.
    return str(driver.execute_script("return document.body ? document.body.innerText : ''"))


def picture(driver: Any, folder: Path, name: str) -> float:
    """Keep a picture of the window, where RACKWRIGHT_SCREENSHOTS says; return which share of it is not background."""
    path = Path(os.environ.get("RACKWRIGHT_SCREENSHOTS", folder)) / name
    assert driver.save_screenshot(str(path))
    width, height = driver.execute_script("return [innerWidth, innerHeight]")
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 0.25}  # a small one is decoded soon
    small = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "clip": clip})
    return ink(base64.b64decode(small["data"]))


def requested(driver: Any) -> set[str]:
    messages = [json.loads(line["message"])["message"] for line in driver.get_log("performance")]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return {url for url in sent if url.startswith(("http", "ws"))}
