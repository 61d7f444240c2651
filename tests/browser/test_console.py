"""The console in a real browser: moves without reload in light and dark, asks nobody else, lets nobody in.

Set RACKWRIGHT_SCREENSHOTS to a folder to keep the pictures.
"""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.play import PlayedRack, stage
from support.running import PASSWORD, RunningApi, running_api

from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.event import Severity

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--ignore-certificate-errors"),
    "--window-size=1500,1180",
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="Debian's chromium and chromium-driver are absent"),
    pytest.mark.timeout(120),
    pytest.mark.xdist_group("browser"),
]


@dataclass
class Scene:
    """A running API and the rack that a test may change while it speaks twice a second."""

    api: RunningApi
    rack: PlayedRack
    silent: threading.Event = field(default_factory=threading.Event)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    state = tmp_path_factory.mktemp("console")
    played: list[PlayedRack] = []
    ready, over, silent = threading.Event(), threading.Event(), threading.Event()

    async def play() -> None:
        async with stage(state) as on_stage:
            (rack,) = on_stage.racks.values()
            rack.set("u14/leak2", Quantity.LEAK, 2.0)
            await on_stage.say_event(rack, "leak.critical", Severity.CRITICAL, "<b>leak</b> at u14", "u14/leak2")
            played.append(rack)
            ready.set()
            while not over.is_set():
                if not silent.is_set():
                    await on_stage.say(rack)
                await asyncio.sleep(0.5)

    thread = threading.Thread(target=lambda: asyncio.run(play()), daemon=True)
    thread.start()
    assert ready.wait(15)
    with running_api(state) as api:
        wait_for(lambda: api.health()["racks_live"])
        yield Scene(api, played[0], silent)
    over.set()
    thread.join(10)


@contextlib.contextmanager
def browser(scheme: str) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = str(CHROMIUM)
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        driver.set_page_load_timeout(30)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        yield driver
    finally:
        driver.quit()


def log_in(driver: Any, scene: Scene, page: str) -> None:
    driver.get(scene.api.url + page)
    driver.find_element("id", "user").send_keys("admin")
    driver.find_element("id", "password").send_keys(PASSWORD)
    driver.find_element("tag name", "button").click()


def text(driver: Any, element: str) -> str:
    found = driver.find_elements("id", element)
    return str(found[0].get_attribute("textContent")) if found else ""


def wait_for(what: Callable[[], Any], within: float = 20.0) -> Any:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not true within {within} s")


def requested(driver: Any) -> set[str]:
    messages = [json.loads(line["message"])["message"] for line in driver.get_log("performance")]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return {url for url in sent if url.startswith(("http", "ws"))}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_moves_without_reload_and_asks_nobody_else(scene: Scene, scheme: str, tmp_path: Path) -> None:
    with browser(scheme) as driver:
        log_in(driver, scene, "/console/rack/k01")
        wait_for(lambda: text(driver, "live") == "● live")
        driver.execute_script("window.sameDocument = true")
        for celsius in (61.0, 77.0):
            scene.rack.set("u33/gpu2", Quantity.TEMPERATURE, celsius)
            wait_for(lambda c=celsius: text(driver, "c-u33-gpu2-text").startswith(f"{c:.0f}°"))
        assert driver.execute_script("return window.sameDocument"), "the page was loaded anew"
        assert text(driver, "t-u14-leak") == "◆ LEAK"
        driver.find_element("id", "t-u14").click()
        wait_for(lambda: "good" in text(driver, "p0-quality"))
        assert "<b>leak</b> at u14" in driver.find_element("tag name", "body").text, "text of devices is shown as text"
        background = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        brightness = sum(int(part) for part in background[4:-1].split(",")) / 3
        assert (brightness > 128) == (scheme == "light")
        folder = Path(os.environ.get("RACKWRIGHT_SCREENSHOTS", tmp_path))
        assert driver.save_screenshot(str(folder / f"rack-{scheme}.png"))
        assert {url.split("/")[2] for url in requested(driver)} == {scene.api.url.split("/")[2]}
        assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []
        driver.get(f"{scene.api.url}/console/")
        wait_for(lambda: "kW" in text(driver, "r-k01-out"))
        driver.save_screenshot(str(folder / f"hall-{scheme}.png"))


def test_a_silent_controller_is_hatched_and_the_keyboard_works(scene: Scene) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    with browser("light") as driver:
        log_in(driver, scene, "/console/rack/k01")
        wait_for(lambda: text(driver, "live") == "● live")
        tray = driver.find_element("id", "t-u20")
        driver.execute_script("arguments[0].focus()", tray)
        ActionChains(driver).send_keys(Keys.ENTER).perform()
        wait_for(lambda: "u20 · NVLink" in driver.find_element("tag name", "body").text)
        assert tray.get_attribute("aria-pressed") == "true"
        scene.silent.set()
        try:
            wait_for(lambda: text(driver, "live") == "? stale")
            wait_for(lambda: "stale" in tray.get_attribute("class"))
            assert "alarm-ok" not in tray.get_attribute("class")
        finally:
            scene.silent.clear()
        wait_for(lambda: text(driver, "live") == "● live")


def test_a_phone_scrolls_down_and_not_sideways_and_a_lost_address_leads_back(scene: Scene) -> None:
    with browser("light") as driver:
        phone = {"width": 430, "height": 900, "deviceScaleFactor": 1, "mobile": True}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        log_in(driver, scene, "/console/rack/k01")
        wait_for(lambda: text(driver, "live") == "● live")
        for page, element in (("rack/k01", "live"), ("", "r-k01-out")):
            driver.get(f"{scene.api.url}/console/{page}")
            wait_for(lambda e=element: text(driver, e))
            assert driver.execute_script("return document.documentElement.scrollWidth") == 430, page
        driver.get(f"{scene.api.url}/console/zzz")
        assert "There is nothing at /console/zzz" in driver.find_element("tag name", "body").text
        styled = driver.execute_script("return getComputedStyle(document.querySelector('.card')).borderRadius")
        assert styled == "8px"
        driver.find_element("css selector", ".card a").click()
        wait_for(lambda: driver.current_url.endswith("/console/"))


def test_logging_out_ends_the_page(scene: Scene) -> None:
    with browser("light") as driver:
        log_in(driver, scene, "/console/")
        wait_for(lambda: text(driver, "r-k01-age"))
        driver.find_element("css selector", ".top button").click()
        wait_for(lambda: driver.current_url.endswith("/login"))
        driver.get(f"{scene.api.url}/console/")
        assert "/login" in driver.current_url


@pytest.mark.parametrize("headers", ["", "Origin: https://evil.test\r\n", "Cookie: rackwright_session=guess\r\n"])
def test_a_websocket_without_a_login_is_refused(scene: Scene, headers: str) -> None:
    context = ssl.create_default_context(cafile=str(scene.api.state / "tls" / "ca.pem"))
    port = int(scene.api.url.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as link,
    ):
        link.sendall(
            b"GET /console/_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" + headers.encode() + b"\r\n"
        )
        status = link.recv(4096).split(b" ")[1]
    assert status in (b"401", b"403")
