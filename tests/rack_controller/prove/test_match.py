"""As-found against as-built: each way not to fit, named with both sides; a healthy rack has none."""

import pyarrow as pa
from support.as_built import RACK, part, records, small_rack

from rack_controller.prove.fit import Fit, PartSwap
from rack_controller.prove.match import Match, match_parts
from rack_controller.prove.swapped import apply_change

TRAYS = [f"{RACK}/u01", f"{RACK}/u12"]
Row = tuple[str, str, str | None, str | None]
_NAMES = ("place", "kind", "part", "serial")


def built(count: int = 4) -> pa.Table:
    return records([part(TRAYS[0], "power_shelf"), *(part(f"{TRAYS[0]}/psu{n}", "psu") for n in range(count))])


def found(*changed: tuple[int, Row | None], table: pa.Table | None = None) -> pa.Table:
    rows: list[Row | None] = [
        tuple(row.values())
        for row in (table or built()).select(list(_NAMES)).to_pylist()  # type: ignore[misc]
    ]
    for at, row in changed:
        rows[at : at + 1] = [row]
    kept = [row for row in rows if row is not None]
    return pa.table({n: pa.array([r[i] for r in kept], pa.string()) for i, n in enumerate(_NAMES)})


def matched(table: pa.Table, seen: pa.Table, read: list[str] = TRAYS) -> Match:
    """Match where each tray that was read tells of its supplies and of itself."""
    return match_parts(table, seen, {(tray, kind) for tray in read for kind in ("psu", "power_shelf")})


def serial(n: int) -> str:
    return f"LAB1-A-R01-K01-U01-PSU{n}"


def test_what_is_as_built_fits_whatever_the_case_of_its_letters() -> None:
    match = matched(built(), found((1, (f"{TRAYS[0]}/psu0", "psu", "psu-1", serial(0).lower()))))
    assert match.counts["same"] == 5
    assert match.wrong == 0
    assert match.findings(10) == []


def test_a_missing_part_is_missing_only_where_somebody_looked() -> None:
    seen = found((2, None))
    (finding,) = matched(built(), seen).findings(10)
    assert finding.fit is Fit.MISSING
    assert finding.built is not None
    assert (finding.built.serial, finding.found) == (serial(1), None)
    assert matched(built(), seen, read=[]).counts["unread"] == 1
    cables = records([part(TRAYS[0], "power_shelf"), part(f"{TRAYS[0]}/cable0", "cable")])
    assert matched(cables, found((1, None), table=cables)).counts == {
        **dict.fromkeys(list(Fit), 0),
        "same": 1,
        "unread": 1,
    }


def test_another_part_in_a_place_is_a_swap_with_both_serial_numbers() -> None:
    (finding,) = matched(built(), found((1, (f"{TRAYS[0]}/psu0", "psu", "PSU-1", "NEW")))).findings(10)
    assert finding.fit is Fit.SWAPPED
    assert finding.built is not None
    assert finding.found is not None
    assert (finding.built.serial, finding.found.serial) == (serial(0), "NEW")


def test_two_parts_in_each_others_place_have_moved_and_name_both_places() -> None:
    here, there = (f"{TRAYS[0]}/psu0", "psu", "PSU-1", serial(1)), (f"{TRAYS[0]}/psu1", "psu", "PSU-1", serial(0))
    findings = matched(built(), found((1, here), (2, there))).findings(10)
    assert [f.fit for f in findings] == [Fit.MOVED, Fit.MOVED]
    both = {(f.built.place, f.found.place) for f in findings if f.built and f.found}
    assert both == {(f"{TRAYS[0]}/psu1", f"{TRAYS[0]}/psu0"), (f"{TRAYS[0]}/psu0", f"{TRAYS[0]}/psu1")}


def test_a_part_that_no_record_knows_is_unknown() -> None:
    extra = pa.concat_tables([found(), found().slice(0, 1)])
    rows = extra.to_pylist()
    rows[-1] |= {"place": f"{TRAYS[0]}/psu9", "serial": "STRANGER"}
    (finding,) = matched(built(), pa.Table.from_pylist(rows)).findings(10)
    assert finding.fit is Fit.UNKNOWN
    assert finding.built is None


def test_a_serial_number_in_two_places_is_a_duplicate_in_both() -> None:
    seen = found((2, (f"{TRAYS[0]}/psu1", "psu", "PSU-1", serial(0))))
    findings = matched(built(), seen).findings(10)
    places = {f.found.place for f in findings if f.fit is Fit.DUPLICATE and f.found}
    assert places == {f"{TRAYS[0]}/psu0", f"{TRAYS[0]}/psu1"}
    (second,) = [f for f in findings if f.found and f.found.place == f"{TRAYS[0]}/psu1"]
    assert second.built is not None
    assert second.built.serial == serial(1), "what was built there is named"


def test_another_part_number_under_the_same_serial_number_is_told() -> None:
    (finding,) = matched(built(), found((1, (f"{TRAYS[0]}/psu0", "psu", "PSU-2", serial(0))))).findings(10)
    assert finding.fit is Fit.OTHER_PART


def test_a_part_that_tells_no_serial_number_proves_nothing() -> None:
    match = matched(built(), found((1, (f"{TRAYS[0]}/psu0", "psu", None, None))))
    assert match.counts["unproven"] == 1
    assert match.wrong == 0


def test_nothing_found_and_nothing_built() -> None:
    empty = found().slice(0, 0)
    assert matched(built(), empty, read=[]).counts["unread"] == 5
    assert matched(built().slice(0, 0), empty).wrong == 0


def test_a_swap_takes_a_tray_with_all_in_it_and_brings_the_new_ones_own_records() -> None:
    current = records(small_rack())
    store = "lab1/store/s01/b01/t07"
    spares = records([part(store, "compute_tray", serial="T-NEW"), part(f"{store}/gpu0", "gpu", serial="G-NEW")])
    change = PartSwap(f"{RACK}/u12", "LAB1-A-R01-K01-U12", "T-NEW", 1)
    after = {r["place"]: r["serial"] for r in apply_change(current, change, spares).to_pylist()}
    assert after[f"{RACK}/u12"] == "T-NEW"
    assert after[f"{RACK}/u12/gpu0"] == "G-NEW"
    assert f"{RACK}/u12/cable0" not in after, "it left with its tray"
    assert after[f"{RACK}/u01/psu0"] == "LAB1-A-R01-K01-U01-PSU0"


def test_a_new_part_without_records_is_known_by_its_serial_number_alone() -> None:
    current = records(small_rack())
    after = apply_change(current, PartSwap(f"{RACK}/u12", None, "T-NEW", 1), current.slice(0, 0)).to_pylist()
    (tray,) = [r for r in after if r["place"] == f"{RACK}/u12"]
    assert (tray["serial"], tray["kind"], tray["cost"], tray["assembly_place"]) == ("T-NEW", "compute_tray", None, None)
