"""Forms of the console in a real browser: files handed in, a finding waived, a step of a decision said.

Set RACKWRIGHT_SCREENSHOTS to a folder to keep the pictures.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.accepted import short_run
from support.as_built import RACK, csv_of, part
from support.browsing import BROWSER, body, browser, chromium, log_in, picture, requested, wait_for
from support.running import RunningApi, running_api

pytestmark = BROWSER
WIDE = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
SIZES = {"1440x900": (1440, 900), "tablet": (1024, 768)}


@dataclass
class Scene:
    """A running API with a run that has ended, and an offer that the admin's firm decides on."""

    api: RunningApi
    driver: Any
    run: str


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    state = tmp_path_factory.mktemp("forms")
    run = short_run(state).path.name
    today = datetime.now(UTC).date()
    offer = {
        "name": "pilot-20", "title": "20 pilot racks, option on 2,000", "seller": {"firm": "Maker", "users": ["mo"]},
        "buyer": {"firm": "Buyer", "users": ["admin"]}, "racks": [RACK], "offered": str(today),
        "decide_by": str(today + timedelta(days=90)), "quantity": 2000,
    }  # fmt: skip
    with running_api(state) as api, chromium(api, tmp_path_factory.mktemp("profile")) as driver:
        api.post("options", json.dumps(offer).encode())
        yield Scene(api, driver, run)


def press(driver: Any, label: str) -> None:
    """Press the button of this text once it can be seen."""
    script = (
        "const all = [...document.querySelectorAll('button')].filter((b) => b.innerText.trim() === arguments[0]);"
        "const seen = all.find((b) => b.offsetParent !== null && !b.disabled); if (seen) seen.click(); return !!seen"
    )
    wait_for(lambda: driver.execute_script(script, label))


def write(driver: Any, label: str, text: str) -> None:
    """Write into the field of this label or placeholder."""
    script = (
        "return [...document.querySelectorAll('input, textarea')].find((f) => f.offsetParent !== null && "
        "(f.getAttribute('aria-label') === arguments[0] || f.placeholder === arguments[0]))"
    )
    wait_for(lambda: driver.execute_script(script, label)).send_keys(text)


def hand_in(driver: Any, file: Path, to: str) -> None:
    """Choose a file in the form that goes `to` a route, and hand it in."""
    form = wait_for(lambda: driver.find_elements("css selector", f'form.upload[data-to$="{to}"]'))[0]
    form.find_element("css selector", "input[type=file]").send_keys(str(file))
    form.find_element("css selector", "button").click()


def quiet(scene: Scene, driver: Any) -> None:
    """Nothing is wider than the window, asked of others, or complained of."""
    assert driver.execute_script(WIDE) <= 0
    assert {url.split("/")[2] for url in requested(driver)} == {scene.api.url.split("/")[2]}
    assert [line for line in driver.get_log("browser") if line["level"] == "SEVERE"] == []


@pytest.mark.parametrize("name", list(SIZES))
def test_a_factory_s_file_with_faults_is_refused_by_row_and_a_good_one_is_kept(
    scene: Scene, tmp_path: Path, name: str
) -> None:
    rack = f"{RACK[:-1]}{len(name)}"
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    rows = [part(f"{rack}/u{n:02d}", "psu", serial=f"{name}-{n}") for n in range(1, 9)]
    good.write_bytes(csv_of(rows))
    bad.write_bytes(csv_of([*rows, part(f"{rack}/u09", "psu", "a lot"), part("<b>nowhere</b>", "psu")]))
    with browser(scene.driver, "light", SIZES[name]) as driver:
        driver.set_window_size(*SIZES[name])
        log_in(driver, scene.api, "/console/decisions")
        hand_in(driver, bad, "/imports")
        wait_for(lambda: "Nothing of bad.csv was kept" in body(driver))
        table = driver.execute_script(
            "return [...document.querySelectorAll('.uploadsaid tbody tr')]"
            ".map((row) => [...row.cells].map((cell) => cell.innerText))"
        )
        assert {(row, field) for row, field, _, _ in table} == {("9", "cost"), ("10", "place")}
        assert "<b>nowhere</b>" in body(driver), "a value is text"
        assert rack not in driver.execute_script("return document.querySelector('.lines:last-of-type').innerText")
        picture(driver, tmp_path, f"import-faults-{name}.png")
        hand_in(driver, good, "/imports")
        wait_for(lambda: "Kept: 8 records from good.csv" in body(driver))
        wait_for(lambda: driver.find_elements("css selector", f'table a[href="/console/passport/{rack}"]'))
        hand_in(driver, good, "/imports")
        wait_for(lambda: "handed in before" in body(driver))
        driver.find_element("css selector", "input[name=replace]").click()
        wait_for(lambda: "Records of every place that this file names are replaced" in body(driver))
        assert picture(driver, tmp_path, f"import-kept-{name}.png") > 0.02
        driver.get(f"{scene.api.url}/console/acceptance?rack={rack}")
        quiet(scene, driver)


@pytest.mark.parametrize("name", list(SIZES))
def test_what_the_floor_measured_is_kept_whole_or_told_by_row(scene: Scene, tmp_path: Path, name: str) -> None:
    today = datetime.now(UTC).date()
    floor, rack = tmp_path / "floor.csv", f"{RACK[:-1]}{len(name)}"
    heading = "kind,place,tester,calibrated_until,on,nm,mohm,volts"
    row = f"wrench-1,{today + timedelta(days=180)},{today - timedelta(days=1)},12.1,,"
    with browser(scene.driver, "light", SIZES[name]) as driver:
        driver.set_window_size(*SIZES[name])
        log_in(driver, scene.api, "/console/acceptance")
        write(driver, "k01", rack)
        floor.write_text(f"{heading}\ntorque,u06,{row}\nsmell,u06,{row}\n")
        hand_in(driver, floor, "/floor")
        wait_for(lambda: f"nobody knows of what design '{rack}' is" in body(driver))
        write(driver, "of a rack that no site file has", "gb200-nvl72")
        hand_in(driver, floor, "/floor")
        wait_for(lambda: "Nothing of floor.csv was kept: 1 fault" in body(driver))
        assert driver.execute_script("return document.querySelector('.uploadsaid tbody').innerText").startswith(
            "2\tkind"
        )
        picture(driver, tmp_path, f"floor-{name}.png")
        floor.write_text(f"{heading}\ntorque,u06,{row}\n")
        hand_in(driver, floor, "/floor")
        wait_for(lambda: f"Kept: 1 record and 0 readings of {rack}" in body(driver))
        assert driver.execute_script(WIDE) <= 0


@pytest.mark.parametrize("name", list(SIZES))
def test_a_finding_is_waived_and_the_waiver_stands_beside_the_verdict_in_the_report(
    scene: Scene, tmp_path: Path, name: str
) -> None:
    with browser(scene.driver, "light", SIZES[name]) as driver:
        driver.set_window_size(*SIZES[name])
        log_in(driver, scene.api, f"/console/acceptance/{scene.run}")
        wait_for(lambda: "u23/bmc" in body(driver))
        if name == "1440x900":
            press(driver, "Waive …")
            wait_for(lambda: "Clocks agree (clock)" in body(driver))
            press(driver, "Waive it")
            wait_for(lambda: "a waiver needs a reason" in body(driver))
            write(driver, "Why it is taken as it is; stands in the report", "the clock is set at the site")
            assert picture(driver, tmp_path, f"waive-{name}.png") > 0.02
            press(driver, "Waive it")
        wait_for(lambda: "waived by admin (admin)" in body(driver))
        assert "✗ fail" in body(driver)
        wait_for(lambda: not driver.find_elements("css selector", ".q-dialog__backdrop"))
        picture(driver, tmp_path, f"waived-{name}.png")
        quiet(scene, driver)
        driver.get(f"{scene.api.url}/api/v1/acceptance/runs/{scene.run}/report.html")
        wait_for(lambda: "the clock is set at the site" in body(driver))
        assert "✗ FAIL" in body(driver)
        picture(driver, tmp_path, f"waived-report-{name}.png")


@pytest.mark.parametrize("name", list(SIZES))
def test_steps_of_a_decision_are_said_once_its_name_was_typed(scene: Scene, tmp_path: Path, name: str) -> None:
    with browser(scene.driver, "light", SIZES[name]) as driver:
        driver.set_window_size(*SIZES[name])
        log_in(driver, scene.api, "/console/decision/pilot-20")
        wait_for(lambda: "You speak for Buyer." in body(driver))
        if name == "1440x900":
            press(driver, "Begin the evaluation …")
            write(driver, "Why; stands in the record", "racks stand at dock 4")
            press(driver, "Say it")
            wait_for(lambda: "It is in evaluation now" in body(driver))
            assert "racks stand at dock 4" in body(driver)
        press(driver, "Accept under conditions …")
        press(driver, "Say it")
        wait_for(lambda: "Not said: type pilot-20 first" in body(driver))
        picture(driver, tmp_path, f"decision-{name}.png")
        quiet(scene, driver)
