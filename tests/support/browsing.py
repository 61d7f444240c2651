"""A real browser on a running API: log in, wait for what is shown, hear what was asked of whom."""

import base64
import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from datacenter_api.auth.doorkeeper import COOKIE
from support.patience import PATIENCE
from support.pictures import ink
from support.running import PASSWORD, RunningApi

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    # One process draws all pages, and keeps none of those that were left: less work, the same pages.
    *("--process-per-site", "--renderer-process-limit=1", "--disable-site-isolation-trials"),
    "--disable-features=BackForwardCache,IsolateOrigins,site-per-process,MediaRouter,OptimizationHints,Translate",
)
BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="Debian's chromium and chromium-driver are absent"),
    pytest.mark.timeout(120),
]
"""Marks of a module whose tests need it."""


@contextlib.contextmanager
def chromium(api: RunningApi, profile: Path) -> Iterator[Any]:
    """Start a browser that trusts the API's certificate: of others it would keep no file for the next page."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = str(CHROMIUM)
    trusted = f"--ignore-certificate-errors-spki-list={_key_hash(api.state / 'tls' / 'server.pem')}"
    for flag in (*FLAGS, trusted, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        driver.set_page_load_timeout(30)
        yield driver
    finally:
        driver.quit()


@contextlib.contextmanager
def browser(driver: Any, scheme: str, size: tuple[int, int] = (1500, 1180)) -> Iterator[Any]:
    """Give the browser with nobody logged in, light or dark: a start of its own costs more than most pages."""
    driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    driver.set_window_size(*size)
    show_in(driver, scheme)
    for kind in ("browser", "performance"):
        driver.get_log(kind)
    try:
        yield driver
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.get("about:blank")


def show_in(driver: Any, scheme: str) -> None:
    """Let a page be seen by who prefers light or dark."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def _key_hash(certificate: Path) -> str:
    key = load_pem_x509_certificate(certificate.read_bytes()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


def log_in(driver: Any, api: RunningApi, page: str) -> None:
    """Open a page of the console with a session of admin's: the form is filled in by `log_in_by_form`."""
    token = api.post("login", json.dumps({"user": "admin", "password": PASSWORD}).encode())["token"]
    cookie = {"name": COOKIE, "value": token, "url": api.url, "secure": True, "httpOnly": True, "sameSite": "Strict"}
    driver.execute_cdp_cmd("Network.setCookie", cookie)
    driver.get(api.url + page)


def log_in_by_form(driver: Any, api: RunningApi, page: str) -> None:
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
        time.sleep(0.1)  # a look is work for three processes
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
