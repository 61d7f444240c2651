"""What is explained is data that the page shows word for word, and an explanation fits no more than it names."""

from pathlib import Path
from typing import Any

import pytest
from support.explained import FILE, Explained, judge, page, read

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- explained: begin -->\n", "<!-- explained: end -->"
PROFILES, EXPLAINED = read()
PLACES = {"compute": ["k01-u11", "k01-u12"], "power_shelf": ["k01-u06"]}
SHELF = PROFILES["power_shelf"]


def row(uri: str | None, name: str | None, result: str = "FAIL", profile: str = "power_shelf", **more: Any) -> Any:
    return {
        "URI": uri and f"/redfish/v1/{uri}",
        "Property": name,
        "Result": result,
        "Message": f"Read Requirement Error: not present; Profile: {PROFILES[profile].title}, Use Case: Default",
        **more,
    }


def test_the_page_shows_the_list_as_it_is() -> None:
    text = (ROOT / "docs" / "conformance.md").read_text()
    shown = text.partition(BEGIN)[2].partition(END)[0]
    assert shown.strip() == page(PROFILES, EXPLAINED).strip(), (
        "write it anew: PYTHONPATH=tests python tests/conformance/write_page.py"
    )


def test_nothing_is_explained_twice() -> None:
    named = [(e.profile, u, p) for e in EXPLAINED for u in e.uris for p in e.properties]
    assert len(named) == len(set(named))


def test_an_explanation_fits_its_kind_of_place_its_property_and_its_profile_only() -> None:
    entry = Explained("power_shelf", ("Chassis/{compute}/Sensors/*.power",), ("ElectricalContext", "A/*/B"), "why")
    fits = [
        row("Chassis/k01-u11/Sensors/gpu0.power", "ElectricalContext"),
        row("Chassis/k01-u12/Sensors/gpu0.power/", "A/0/B"),
    ]
    others = [
        row("Chassis/k01-u06/Sensors/psu0.power", "ElectricalContext"),
        row("Chassis/k01-u11/Sensors/gpu0.power", "PeakReading"),
        row("Chassis/k01-u11/Sensors/gpu0.power/More", "ElectricalContext"),
        row("Chassis/k01-u11/Sensors/gpu0.power", "ElectricalContext", profile="service_baseline"),
        row(None, None, **{"Resource Type": "ElectricalContext"}),
    ]
    left, needless = judge([*fits, *others], SHELF, PROFILES, [entry], PLACES)
    assert left == others
    assert needless == []


def test_a_kind_of_resource_is_explained_for_the_service_as_a_whole() -> None:
    entry = Explained("power_shelf", ("",), ("Circuit",), "why")
    missing = row(None, None, **{"Resource Type": "Circuit"})
    other = row(None, None, **{"Resource Type": "Outlet"})
    assert judge([missing, other], SHELF, PROFILES, [entry], PLACES) == ([other], [])


def test_what_no_failure_needs_any_more_is_told_for_the_profile_itself() -> None:
    mine = Explained("power_shelf", ("Chassis/{compute}", "Chassis/{power_shelf}"), ("UUID",), "why")
    taken_in = Explained("service_baseline", ("Managers/*",), ("UUID",), "why")
    rows = [row("Chassis/k01-u11", "UUID"), row("Chassis/k01-u06", "UUID", result="PASS")]
    assert judge(rows, SHELF, PROFILES, [mine, taken_in], PLACES) == ([], ["Chassis/{power_shelf}"])
    assert judge(rows[1:], SHELF, PROFILES, [mine], PLACES)[1] == ["Chassis/{compute}", "Chassis/{power_shelf}", "UUID"]


@pytest.mark.parametrize(
    "entry",
    [
        "{profile: nobody, uri: X, properties: [A], reason: why}",
        "{profile: power_shelf, uri: 'X/{nothing}', properties: [A], reason: why}",
        "{profile: power_shelf, uri: X, properties: [A], reason: ' '}",
    ],
)
def test_a_profile_a_kind_and_a_reason_must_be_known(entry: str, tmp_path: Path) -> None:
    head = FILE.read_text().partition("\nexplained:")[0]
    file = tmp_path / "explained.yaml"
    file.write_text(f"{head}\nexplained:\n  - {entry}\n")
    with pytest.raises(ValueError, match=r"no such|no reason"):
        read(file)
