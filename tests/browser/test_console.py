"""The console in a real browser: moves without reload in light and dark, asks nobody else, lets nobody in.

Set RACKWRIGHT_SCREENSHOTS to a folder to keep the pictures.
"""

import asyncio
import base64
import contextlib
import json
import os
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from nats.aio.msg import Msg
from support.alarmed import played_alarms
from support.as_built import RACK, csv_of, small_rack
from support.browsing import (
    BROWSER,
    browser,
    chromium,
    hears,
    log_in,
    log_in_by_form,
    requested,
    show_in,
    shown,
    text,
    wait_for,
)
from support.latched import CHAIN, latched_state
from support.pair import DOMAIN, played_pair
from support.patience import PATIENCE
from support.play import PlayedRack, stage
from support.running import PASSWORD, RunningApi, running_api
from support.scripted_console import ScriptedConsole, room

from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.event import Severity
from rack_controller.run.clock import SystemClock
from rack_controller.run.ending import running

pytestmark = BROWSER


@dataclass
class SerialEnd:
    """The far end of u12's serial console, in the thread of the played racks."""

    console: ScriptedConsole = field(default_factory=ScriptedConsole)
    loop: asyncio.AbstractEventLoop | None = None

    def prints(self, data: bytes) -> None:
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self.console.prints, data)


@dataclass
class Scene:
    """A running API and the racks of two generations that a test may change while they speak twice a second."""

    api: RunningApi
    driver: Any
    racks: dict[str, PlayedRack]
    serial: SerialEnd
    silent: threading.Event = field(default_factory=threading.Event)

    @property
    def rack(self) -> PlayedRack:
        return self.racks["k01"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    state = tmp_path_factory.mktemp("console")
    played: dict[str, PlayedRack] = {}
    serial = SerialEnd()
    ready, over, silent = threading.Event(), threading.Event(), threading.Event()

    async def play() -> None:
        async with stage(state) as on_stage:
            (rack,) = on_stage.racks.values()
            for other in played_pair():
                on_stage.racks[other.name] = other
                await on_stage.client.subscribe(on_stage.subjects(other).state, cb=on_stage.answer_state)
            rack.set("u14/leak2", Quantity.LEAK, 2.0)
            await on_stage.say_event(rack, "leak.critical", Severity.CRITICAL, "<b>leak</b> at u14", "u14/leak2")
            played.update(on_stage.racks)
            serial.loop = asyncio.get_running_loop()
            here = room(state / "consoles", SystemClock(), serial.console)

            async def answer(message: Msg) -> None:
                await message.respond(await here.consoles.answer(message.data))

            await on_stage.client.subscribe(on_stage.subjects(rack).console, cb=answer)
            async with running([here.consoles.run(on_stage.client.publish, here.told.append)]):
                ready.set()
                while not over.is_set():
                    for each in played.values() if not silent.is_set() else ():
                        await on_stage.say(each)
                    await asyncio.sleep(0.5)

    thread = threading.Thread(target=lambda: asyncio.run(play()), daemon=True)
    thread.start()
    assert ready.wait(15 * PATIENCE)
    with running_api(state) as api, chromium(api, tmp_path_factory.mktemp("profile")) as driver:
        wait_for(lambda: api.health()["racks_live"] == len(played))
        yield Scene(api, driver, played, serial, silent)
    over.set()
    thread.join(10)


def test_the_page_moves_without_reload_and_asks_nobody_else(scene: Scene, tmp_path: Path) -> None:
    with browser(scene.driver, "light") as driver:
        log_in(driver, scene.api, "/console/rack/k01")
        wait_for(lambda: text(driver, "live") == "● live")
        driver.execute_script("window.sameDocument = true")
        for celsius in (61.0, 77.0):
            scene.rack.set("u33/gpu2", Quantity.TEMPERATURE, celsius)
            wait_for(lambda c=celsius: text(driver, "c-u33-gpu2-text").startswith(f"{c:.0f}°"))
        assert driver.execute_script("return window.sameDocument"), "the page was loaded anew"
        assert text(driver, "t-u14-leak") == "◆ LEAK"
        driver.find_element("id", "t-u14").click()
        wait_for(lambda: "good" in shown(driver, "[id^='p-u14-'][id$='-q']"))
        assert "<b>leak</b> at u14" in driver.find_element("tag name", "body").text, "text of devices is shown as text"
        folder = Path(os.environ.get("RACKWRIGHT_SCREENSHOTS", tmp_path))

        def is_bright() -> bool:
            background = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
            return sum(int(part) for part in background[4:-1].split(",")) / 3 > 128

        for scheme in ("light", "dark"):
            show_in(driver, scheme)
            wait_for(lambda scheme=scheme: is_bright() == (scheme == "light"))
            assert driver.save_screenshot(str(folder / f"rack-{scheme}.png"))
        assert {url.split("/")[2] for url in requested(driver)} == {scene.api.url.split("/")[2]}
        assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []
        driver.get(f"{scene.api.url}/console/")
        wait_for(lambda: "kW" in text(driver, "r-k01-out"))
        for scheme in ("light", "dark"):
            show_in(driver, scheme)
            driver.save_screenshot(str(folder / f"hall-{scheme}.png"))


def test_a_passport_shows_its_claims_and_a_decision_its_conditions(scene: Scene, tmp_path: Path) -> None:
    def ask(path: str, body: bytes) -> None:
        context = ssl.create_default_context(cafile=str(scene.api.state / "tls" / "ca.pem"))
        login = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{scene.api.url}/api/v1/{path}", body, headers)
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            assert answer.status == 200

    ask("passports/imports?name=k01.csv", csv_of(small_rack()))
    firms = {"seller": {"firm": "Maker", "users": ["mo"]}, "buyer": {"firm": "Buyer", "users": ["bea"]}}
    days = {"offered": "2026-01-01", "decide_by": "2099-12-31", "delivery": "2028-06-01"}
    ask("options", json.dumps({"name": "pilot", "title": "Pilot racks", "racks": [RACK], **firms, **days}).encode())
    with browser(scene.driver, "light") as driver:
        log_in(driver, scene.api, "/console/passport/k01")
        wait_for(lambda: "79.99 to 80.01 %" in driver.find_element("tag name", "body").text)
        wait_for(lambda: "FOUND BESIDE BUILT" in driver.find_element("tag name", "body").text.upper())
        assert len(shown(driver, "svg.share")) == 2
        folder = Path(os.environ.get("RACKWRIGHT_SCREENSHOTS", tmp_path))
        driver.save_screenshot(str(folder / "passport-light.png"))
        assert hears(driver)
        driver.get(f"{scene.api.url}/console/audit")
        assert hears(driver)
        driver.get(f"{scene.api.url}/console/decisions")
        assert hears(driver)
        driver.find_element("link text", "pilot").click()
        wait_for(lambda: "offered" in driver.find_element("tag name", "body").text)
        driver.save_screenshot(str(folder / "decision-light.png"))
        assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []


def test_a_silent_controller_is_hatched_and_the_keyboard_works(scene: Scene) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    with browser(scene.driver, "light") as driver:
        log_in(driver, scene.api, "/console/rack/k01")
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
    with browser(scene.driver, "light") as driver:
        phone = {"width": 430, "height": 900, "deviceScaleFactor": 1, "mobile": True}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        log_in(driver, scene.api, "/console/rack/k01")
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


def test_a_domain_over_two_racks_is_one_and_leads_to_its_gpus(scene: Scene, tmp_path: Path) -> None:
    with browser(scene.driver, "light") as driver:
        log_in(driver, scene.api, "/console/")
        wait_for(lambda: "GPU power" in text(driver, f"d-{DOMAIN}-power"))
        frame = driver.find_element("css selector", "section.bay")
        assert [link.text for link in frame.find_elements("css selector", "h3 > a")] == [
            f"NVLink domain {DOMAIN}",
            "k02",
            "k03",
        ]
        assert "k01" not in frame.text
        floors = [svg.rect["y"] + svg.rect["height"] for svg in driver.find_elements("css selector", "svg.mini")]
        assert max(floors[1:]) - min(floors[1:]) <= 1, "racks side by side stand on one floor"
        folder = Path(os.environ.get("RACKWRIGHT_SCREENSHOTS", tmp_path))
        for scheme in ("light", "dark"):
            show_in(driver, scheme)
            driver.save_screenshot(str(folder / f"hall-two-{scheme}.png"))
        frame.find_element("link text", f"NVLink domain {DOMAIN}").click()
        wait_for(lambda: text(driver, "dm-state") == "● all 72 GPUs known")
        scene.racks["k03"].set("u40/gpu3", Quantity.TEMPERATURE, 89.0)
        wait_for(lambda: text(driver, "dm-where") == "hottest k03 u40 gpu3")
        for scheme in ("light", "dark"):
            show_in(driver, scheme)
            driver.save_screenshot(str(folder / f"domain-{scheme}.png"))
        driver.find_element("css selector", "#dm-k03-u40").click()
        wait_for(lambda: driver.current_url.endswith("/k03/u40"))
        assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []


def test_a_trays_page_shows_sensors_history_and_make_up(scene: Scene, tmp_path: Path) -> None:
    from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
    from selenium.webdriver import ActionChains

    with browser(scene.driver, "light") as driver:
        log_in(driver, scene.api, "/console/rack/k02/u06")
        wait_for(lambda: "● none of 6 alarm words raises anything" in text(driver, "y-words"))
        scene.racks["k02"].set("u06/psu2", Quantity.ALARMS, 1.0)
        wait_for(lambda: "psu2: fan fault" in text(driver, "y-words"))
        wait_for(lambda: shown(driver, ".big .chart .last b"))
        wait_for(lambda: "Parts" in driver.find_element("css selector", ".made:not(.ready):not(.power)").text)
        driver.find_element("css selector", "[data-series='psu:temperature']").click()
        wait_for(lambda: len(shown(driver, ".big .chart .last b")) == 6)
        driver.find_element("css selector", "[data-window='15 min']").click()
        step = "return JSON.parse(document.querySelector('.big .chart').dataset.chart || '{\"step\":0}').step"
        wait_for(lambda: driver.execute_script(step) == 5)

        def pointed_at() -> bool:
            with contextlib.suppress(
                NoSuchElementException, StaleElementReferenceException
            ):  # it is drawn anew meanwhile
                ActionChains(driver).move_to_element(driver.find_element("css selector", ".big svg")).perform()
            return "UTC" in "".join(shown(driver, ".big .tip"))

        wait_for(pointed_at)
        filter_box = driver.find_element("id", "filter")
        filter_box.send_keys("psu3 temperature")
        rows = "return [...document.querySelectorAll('table.readings tbody tr')].filter((e) => e.offsetParent).length"
        wait_for(lambda: driver.execute_script(rows) == 1)
        folder = Path(os.environ.get("RACKWRIGHT_SCREENSHOTS", tmp_path))
        driver.save_screenshot(str(folder / "tray-light.png"))
        assert {url.split("/")[2] for url in requested(driver)} == {scene.api.url.split("/")[2]}
        assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_serial_console_is_watched_typed_into_and_searched(scene: Scene, scheme: str, tmp_path: Path) -> None:
    sent = scene.serial.console.sent
    sent.clear()
    with browser(scene.driver, scheme) as driver:
        log_in(driver, scene.api, "/console/rack/k01/u12")
        way = "return document.querySelector(\"a.chip[href*='/console/serial/']\")?.href"
        driver.get(wait_for(lambda: driver.execute_script(way)))  # the head is drawn anew when more is known
        wait_for(lambda: text(driver, "serial-state") == "● heard")
        scene.serial.prints(b"\x1b[2J\x1b[HEmulated Linux u12 ttyAMA0\r\n\r\n\x1b[1;32mu12 login:\x1b[0m ")
        screen = "return document.querySelector('.terminal')?.textContent ?? ''"
        wait_for(lambda: "u12 login:" in driver.execute_script(screen).replace("\xa0", " "))
        beats = "return Number(document.documentElement.dataset.updates || 0)"
        wait_for(lambda: driver.execute_script(beats) >= 3)  # a silent console does not make the page look old
        keys = {b.text: b for b in driver.find_elements("css selector", ".serialkeys button")}
        terminal = driver.find_element("css selector", ".terminal textarea")
        terminal.send_keys("x")
        wait_for(lambda: "you do not write here" in "".join(shown(driver, ".said")))
        keys["Type here"].click()
        wait_for(lambda: text(driver, "serial-writer") == "you type")
        terminal.send_keys("root\n")
        wait_for(lambda: bytes(sent) == b"root\r")
        scene.serial.prints(b"root\r\nNVRM: Xid (PCI:0009:01:00): 79, <b>gone</b>\r\n# ")
        box = driver.find_elements("css selector", ".serialkeys input")[-1]
        box.send_keys("Xid (PCI")
        keys["Search"].click()
        wait_for(lambda: "NVRM: Xid (PCI:0009:01:00): 79, <b>gone</b>" in "".join(shown(driver, ".found td")))
        folder = Path(os.environ.get("RACKWRIGHT_SCREENSHOTS", tmp_path))
        driver.save_screenshot(str(folder / f"serial-{scheme}.png"))
        keys["Stop typing"].click()
        wait_for(lambda: text(driver, "serial-writer") == "nobody types")
        assert {url.split("/")[2] for url in requested(driver)} == {scene.api.url.split("/")[2]}
        assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []


def test_a_latch_is_on_every_page_and_has_one_of_its_own(scene: Scene, tmp_path: Path) -> None:
    scene.rack.interlocks = latched_state(scene.rack.place)
    folder = Path(os.environ.get("RACKWRIGHT_SCREENSHOTS", tmp_path))
    try:
        with browser(scene.driver, "light") as driver:
            log_in(driver, scene.api, "/console/")
            wait_for(lambda: CHAIN in "".join(shown(driver, ".banner li")))
            (way,) = set(driver.execute_script("return [...document.querySelectorAll('.banner a')].map((e) => e.href)"))
            driver.get(way)
            wait_for(lambda: "k01-l1" in "".join(shown(driver, ".interlocks td")))
            assert CHAIN in "".join(shown(driver, ".banner li"))
            assert "Sign" in "".join(shown(driver, "button"))
            assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
            driver.save_screenshot(str(folder / "interlocks-light.png"))
    finally:
        scene.rack.interlocks = None


def test_alarms_have_a_page_that_is_reached_from_the_racks(scene: Scene, tmp_path: Path) -> None:
    scene.rack.alarms = played_alarms(scene.rack.place)
    folder = Path(os.environ.get("RACKWRIGHT_SCREENSHOTS", tmp_path))
    try:
        with browser(scene.driver, "light") as driver:
            log_in(driver, scene.api, "/console/rack/k01")
            way = "return document.querySelector(\"a[href*='/console/alarms/']\")?.href"
            address = wait_for(lambda: driver.execute_script(way))
            driver.save_screenshot(str(folder / "rack-alarms-light.png"))
            driver.get(address)
            wait_for(lambda: "k01-a24" in "".join(shown(driver, ".interlocks td")))
            assert "Acknowledge" in "".join(shown(driver, "button"))
            assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
            driver.save_screenshot(str(folder / "alarms-light.png"))
            assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []
    finally:
        scene.rack.alarms = None


def test_a_rack_shows_its_hour_and_leads_to_the_rack_of_the_same_domain(scene: Scene) -> None:
    with browser(scene.driver, "dark") as driver:
        log_in(driver, scene.api, "/console/rack/k02")
        wait_for(lambda: len(shown(driver, ".charts .chart .last b")) == 5)
        assert shown(driver, ".charts figcaption > b") == ["Shelf output", "GPU power", "Coolant, °C", "Coolant flow"]
        driver.find_element("css selector", "a.chip:not(.here)").click()
        wait_for(lambda: driver.current_url.endswith("/k03") and text(driver, "live") == "● live")
        assert shown(driver, "a.chip.here")[0].startswith("k03")


def test_no_page_scrolls_sideways(scene: Scene) -> None:
    with browser(scene.driver, "light") as driver:
        log_in(driver, scene.api, "/console/")
        wait_for(lambda: text(driver, "r-k02-out"))
        drawn = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        for page in ("", "rack/k02", "rack/k02/u09", f"domain/{DOMAIN}"):
            driver.get(f"{scene.api.url}/console/{page}")
            wait_for(lambda: int(driver.execute_script("return document.documentElement.dataset.updates || '0'")) > 1)
            for width in (430, 1920, 3840):
                metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 500}
                driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
                driver.execute_async_script(drawn)
                assert driver.execute_script("return innerWidth") == width
                assert driver.execute_script(wide) == 0, (page, width)


def test_logging_in_opens_the_page_that_was_asked_for_and_logging_out_ends_it(scene: Scene) -> None:
    with browser(scene.driver, "light") as driver:
        log_in_by_form(driver, scene.api, "/console/")
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
