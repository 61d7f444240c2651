"""Acceptance in a real browser: pages of a run, the report, and the screen at the rack with a scanner that types.

Set RACKWRIGHT_SCREENSHOTS to a folder to keep the pictures.
"""

import base64
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.accepted import PLAN, finding, measured, short_run, step
from support.as_built import RACK, csv_of, part
from support.browsing import BROWSER, body, browser, chromium, hears, log_in, picture, requested, text, wait_for
from support.running import RunningApi, running_api

from datacenter_api.acceptance.waivers import waivers_of
from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.launch import held
from rack_controller.acceptance.progress import Progress, answers_of, tell
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

pytestmark = BROWSER
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
OTHER = RACK.replace("k01", "k02")
ASKS = "pull u12, or switch it off"
NOW = Progress("identity", "Every part is the one that was built in", "pulled", 1, None, "u12 to go", 0.35, ASKS)


@dataclass
class Scene:
    """A running API with a run that has ended and one that goes on, which this process has."""

    api: RunningApi
    driver: Any
    ended: str
    begun: Path


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    state = tmp_path_factory.mktemp("acceptance")
    ended = short_run(state)
    begun = begin(Wish("gb200-nvl72", "L10", rack=RACK), state, "test", "admin").path
    tell(begun, NOW)
    with ExitStack() as stack:
        stack.enter_context(held(begun))
        api = stack.enter_context(running_api(state))
        records = csv_of(
            [part(f"{RACK}/u12", "compute_tray", "900", serial="T-12"), part(f"{RACK}/u13", serial="T-13")]
        )
        api.post("passports/imports?name=k01.csv", records)
        driver = stack.enter_context(chromium(api, tmp_path_factory.mktemp("profile")))
        yield Scene(api, driver, ended.path.name, begun)


def scan(driver: Any, code: str) -> None:
    """Type as a keyboard wedge does: into whatever has the focus, with Enter at the end."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    ActionChains(driver).send_keys(code, Keys.ENTER).perform()


@pytest.mark.parametrize(("name", "size"), [("1080p", (1920, 1080)), ("tablet", (1180, 820))])
def test_the_screen_at_the_rack_is_read_from_afar_and_takes_scans_photos_and_done(
    scene: Scene, tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(PNG)
    before = len(answers_of(scene.begun))
    with browser(scene.driver, "light", size) as driver:
        driver.set_window_size(*size)
        log_in(driver, scene.api, f"/console/test-floor/{scene.begun.name}")
        wait_for(lambda: "YOUR TURN" in body(driver).upper())
        assert "Pull u12, or switch it off" in body(driver).replace("\n", " ")
        large = driver.execute_script("return parseFloat(getComputedStyle(document.querySelector('.tfdo')).fontSize)")
        assert large >= (76 if name == "1080p" else 48), "cannot be read from three metres"
        wait_for(lambda: driver.execute_script("return document.activeElement.id") == "tf-code")
        scan(driver, "ST-12")
        wait_for(lambda: text(driver, "tf-said").startswith("✓ RIGHT PART"))
        driver.execute_script("document.activeElement.blur()")
        scan(driver, "T-13")
        wait_for(lambda: text(driver, "tf-said").startswith("✗ WRONG PART"))
        assert picture(driver, tmp_path, f"test-floor-{name}.png") > 0.02
        driver.find_element("id", "tf-photo").send_keys(str(photo))
        wait_for(lambda: text(driver, "tf-said").startswith("✓ PHOTO KEPT"))
        driver.find_element("id", "tf-done").click()
        wait_for(lambda: text(driver, "tf-said").startswith("✓ DONE"))
        fits = (
            "const e = document.documentElement; return [e.scrollWidth - e.clientWidth, e.scrollHeight - innerHeight]"
        )
        wide, tall = driver.execute_script(fits)
        assert wide <= 0
        assert tall <= 0, "something is below the screen's edge"
        kept = answers_of(scene.begun)[before:]
        assert [(a.barcode, bool(a.photo), a.done) for a in kept] == [
            ("ST-12", False, False),
            ("T-13", False, False),
            ("", True, False),
            ("", False, True),
        ]
        assert {url.split("/")[2] for url in requested(driver)} == {scene.api.url.split("/")[2]}
        assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_runs_are_listed_one_shows_what_it_asks_and_leads_to_its_report(
    scene: Scene, tmp_path: Path, scheme: str
) -> None:
    with browser(scene.driver, scheme) as driver:
        log_in(driver, scene.api, "/console/acceptance")
        wait_for(lambda: scene.begun.name in body(driver))
        assert "☞ pull u12" in body(driver)
        assert picture(driver, tmp_path, f"acceptance-runs-{scheme}.png") > 0.01
        assert hears(driver)
        follow = "[...document.links].find((link) => link.textContent === arguments[0]).click()"
        driver.execute_script(follow, scene.begun.name)
        wait_for(lambda: "Pull u12, or switch it off" in body(driver))
        assert "35% of the run" in body(driver)
        assert hears(driver)
        picture(driver, tmp_path, f"acceptance-now-{scheme}.png")
        driver.get(f"{scene.api.url}/console/acceptance/{scene.ended}")
        wait_for(lambda: "u23/bmc" in body(driver))
        assert picture(driver, tmp_path, f"acceptance-run-{scheme}.png") > 0.02
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert driver.execute_script(wide) <= 0
        driver.get(f"{scene.api.url}/api/v1/acceptance/runs/{scene.ended}/report.html")
        wait_for(lambda: "What proves it" in body(driver))
        assert driver.execute_script("return getComputedStyle(document.querySelector('main')).backgroundColor") == (
            "rgb(255, 255, 255)"
        ), "its styles are refused"
        assert driver.execute_script("return document.querySelectorAll('figure svg').length") >= 1
        assert picture(driver, tmp_path, f"report-{scheme}.png") > 0.02
        assert driver.execute_script(wide) <= 0
        assert {url.split("/")[2] for url in requested(driver)} == {scene.api.url.split("/")[2]}
        assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []


@pytest.mark.parametrize("width", [820, 660, 390])
def test_pages_fit_a_tablet_and_a_phone(scene: Scene, tmp_path: Path, width: int) -> None:
    aside = (
        "return [...document.querySelectorAll('*')].filter((e) => e.scrollWidth > e.clientWidth + 1 && "
        "['auto', 'scroll'].includes(getComputedStyle(e).overflowX)).map((e) => e.className || e.tagName)"
    )
    long_name = "document.querySelector('.who').textContent = 'a'.repeat(32) + ' (admin)'"
    rows = {820: 1, 660: 1, 390: 2}[width]
    with browser(scene.driver, "light", (width, 1000)) as driver:
        metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        log_in(driver, scene.api, "/console/")
        for page, seen in (
            ("acceptance", scene.begun.name),
            (f"acceptance/{scene.ended}", "u23/bmc"),
            (f"acceptance/{scene.begun.name}", "Pull u12"),
            ("decisions", "Hand in as-built records"),
            (f"passport/{RACK}", "What can be claimed"),
        ):
            driver.get(f"{scene.api.url}/console/{page}")
            wait_for(lambda: seen.lower() in body(driver).lower())  # noqa: B023
            driver.execute_script(long_name if rows == 1 else "")
            picture(driver, tmp_path, f"{page.replace('/', '-')[:20]}-{width}.png")
            assert driver.execute_script(aside) == [], page
            assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth"), page
            tall = driver.execute_script("return document.querySelector('.top').offsetHeight")
            assert tall <= 16 + 32 * rows, f"the head of {page} has more than {rows} rows"


def test_a_run_is_ended_on_the_console_after_a_second_question(scene: Scene) -> None:
    with browser(scene.driver, "light") as driver:
        log_in(driver, scene.api, f"/console/acceptance/{scene.begun.name}")
        wait_for(lambda: "End this run" in body(driver))
        buttons = {b.text: b for b in driver.find_elements("tag name", "button") if b.text}
        buttons["End this run …"].click()
        wait_for(lambda: "End it: everything goes back to rest" in body(driver))
        assert not (scene.begun / "stop.json").exists()
        next(b for b in driver.find_elements("tag name", "button") if b.text.startswith("End it")).click()
        wait_for(lambda: (scene.begun / "stop.json").exists())
        wait_for(lambda: "admin wants it to end" in body(driver))


def test_a_run_whose_process_died_is_gone_on_with_to_its_end_or_given_up(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    wishes = (Wish("gb200-nvl72", "L11", 3, plan=tmp_path / "plan.yaml"), Wish("gb200-nvl72", "L10", rack=OTHER))
    cut, lost = (begin(wish, scene.api.state, "test", "admin") for wish in wishes)
    for folder in (cut, lost):
        folder.write(msgspec.structs.replace(folder.read(), began_unix_ns=1))
    with browser(scene.driver, "light") as driver:
        log_in(driver, scene.api, "/console/acceptance")
        for folder, words, does, name, ends in (
            (cut, "Go on with this run …", "Go on with it", "virtual", "✓ pass"),
            (lost, "Give it up …", "End it as it lies", "k02", "■ stopped"),
        ):
            driver.get(f"{scene.api.url}/console/acceptance/{folder.path.name}")
            wait_for(lambda: "not running" in body(driver))
            assert hears(driver)
            press(driver, words)
            wait_for(lambda: driver.find_elements("css selector", f'[placeholder="Type {name}"]'))  # noqa: B023
            picture(driver, tmp_path, f"acceptance-{name}-cut.png")
            press(driver, does)
            wait_for(lambda: f"type {name} first" in body(driver))  # noqa: B023
            assert folder.read().outcome is None
            driver.find_element("css selector", f'[placeholder="Type {name}"]').send_keys(name)
            press(driver, does)
            wait_for(lambda: ends in body(driver), within=60.0)  # noqa: B023
            assert words not in body(driver)
        assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []


def test_each_of_two_thousand_findings_is_searched_for_and_waived(scene: Scene, tmp_path: Path) -> None:
    folder = begin(Wish("gb200-nvl72", "L10"), scene.api.state, "test", "admin")
    found = [finding(n, place=f"u{n // 100:02d}/part{n % 100}", text=f"part number {n} is wrong") for n in range(2000)]
    failed = step("gpu_stress", [measured(found)])
    failing = msgspec.structs.replace(folder.read(), steps=[failed], outcome=Outcome.FAIL)
    folder.write(failing)
    folder.finish(failing, {}, SigningKeys(scene.api.state / KEYS).signer())
    with browser(scene.driver, "light") as driver:
        log_in(driver, scene.api, f"/console/acceptance/{folder.path.name}")
        wait_for(lambda: "1–60 of 2000" in body(driver))
        rows = "return document.querySelectorAll('.findings tbody tr').length"
        assert driver.execute_script(rows) == 60
        press(driver, "Next ›")
        wait_for(lambda: "61–120 of 2000" in body(driver))
        assert driver.execute_script(rows) == 60
        picture(driver, tmp_path, "acceptance-2000-findings.png")
        driver.find_element("css selector", "[aria-label='Search what was found']").send_keys("u19/part99")
        wait_for(lambda: "1–1 of 1" in body(driver))
        picture(driver, tmp_path, "acceptance-1-finding.png")
        press(driver, "Waive …")
        wait_for(lambda: driver.find_elements("tag name", "textarea"))[0].send_keys("it is replaced by the maker")
        drawn = {words: look(driver, words) for words in ("Waive it", "Cancel")}
        assert drawn["Cancel"][0] == "rgba(0, 0, 0, 0)", "what does nothing is bare"
        assert drawn["Waive it"][0] != drawn["Cancel"][0], "what is done in one's name looks like its cancel"
        picture(driver, tmp_path, "acceptance-waive.png")
        press(driver, "Waive it")
        wait_for(lambda: "waived by admin (admin)" in body(driver))
        assert [w.place for w in waivers_of(folder.path)] == ["u19/part99"]
        assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []


FIND = "[...document.querySelectorAll('button')].find((b) => b.offsetParent && b.innerText === arguments[0])"


def press(driver: Any, words: str) -> None:
    """Press the button that says these words, once it is there."""
    wait_for(lambda: driver.execute_script(f"return {FIND}", words)).click()


def look(driver: Any, words: str) -> list[str]:
    """Return background and ink of the button that says these words."""
    style = f"const style = getComputedStyle({FIND}); return [style.backgroundColor, style.color]"
    return [str(colour) for colour in driver.execute_script(style, words)]
