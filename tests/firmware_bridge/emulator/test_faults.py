"""Faults as data: files, spans, counts, seeded chance."""

from pathlib import Path

import pytest

from firmware_bridge.emulator.faults import Fault, FaultKind, FaultTable, dice, faults_of, pick, read_faults
from firmware_bridge.vocabulary.errors import FileInvalid

BMC = "s/a/r01/k01/u11/bmc"


def struck(table: FaultTable, uri: str = "/redfish/v1", now: float = 0.0, place: str = BMC) -> FaultKind | None:
    fault = pick(table.replies_at(place), uri, now)
    return fault.what if fault else None


def test_a_file_says_where_what_and_when(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("faults:\n  - {what: hang, where: '*/u11/bmc', from: 5, until: 9, times: 2}\n  - {what: leak}\n")
    hang, leak = read_faults(path)
    assert (hang.what, hang.since, hang.until, hang.times) == (FaultKind.HANG, 5.0, 9.0, 2)
    assert leak.level == "critical"


@pytest.mark.parametrize("content", ["faults: [{what: dance}]", "faults: [{what: hang, tims: 1}]", "faults: 3", "{"])
def test_a_bad_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(content)
    with pytest.raises(FileInvalid):
        read_faults(path)
    with pytest.raises(FileInvalid):
        read_faults(tmp_path / "nowhere.yaml")


def test_bad_values_over_the_control_channel_are_refused() -> None:
    with pytest.raises(ValueError, match="what"):
        faults_of([{"what": "dance"}])


def test_where_names_endpoints_and_trays() -> None:
    for where, hit in (("*", True), ("*/u11/bmc", True), ("*/u11", True), ("*/u12", False), ("s/a/r01/k02/*", False)):
        assert (struck(FaultTable([Fault(what=FaultKind.HANG, where=where)])) is not None) is hit


def test_a_fault_lasts_its_span_and_strikes_its_uris() -> None:
    table = FaultTable([Fault(what=FaultKind.NAN, uri="*/Sensors/*", since=5, until=9)])
    assert struck(table, "/redfish/v1/Chassis/1/Sensors/a", 5.0) is FaultKind.NAN
    assert struck(table, "/redfish/v1/Chassis/1/Sensors/a", 9.0) is None
    assert struck(table, "/redfish/v1/Chassis/1", 5.0) is None


def test_the_hmc_is_its_uris() -> None:
    table = FaultTable([Fault(what=FaultKind.HMC_ABSENT)])
    assert struck(table, "/redfish/v1/Chassis/HGX_GPU_0") is FaultKind.HMC_ABSENT
    assert struck(table, "/redfish/v1/Chassis/Chassis_0") is None


def test_times_counts_down_and_setting_starts_anew() -> None:
    faults = [Fault(what=FaultKind.RESET, times=2), Fault(what=FaultKind.SLOW)]
    table = FaultTable(faults)
    mine = table.replies_at(BMC)
    assert [pick(mine, "/", 0.0).what for _ in range(3)] == [FaultKind.RESET, FaultKind.RESET, FaultKind.SLOW]  # type: ignore[union-attr]
    version = table.version
    table.set(faults)
    assert table.version > version
    assert struck(table) is FaultKind.RESET


def test_chance_is_seeded() -> None:
    def run(seed: int) -> list[bool]:
        mine = FaultTable([Fault(what=FaultKind.STATUS, probability=0.3, seed=seed)]).replies_at(BMC)
        return [pick(mine, "/", 0.0) is not None for _ in range(400)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert 80 < sum(run(1)) < 160
    assert all(0.0 <= dice(3, n) < 1.0 for n in range(1000))


def test_a_fault_that_lasts_and_comes_back() -> None:
    once = Fault(what=FaultKind.HANG, since=10, lasts=5)
    assert [once.is_on(t) for t in (9.9, 10.0, 14.9, 15.0, 30.0)] == [False, True, True, False, False]
    again = Fault(what=FaultKind.HANG, since=10, lasts=5, every=20, until=60)
    assert [again.is_on(t) for t in (10, 15, 30, 34, 35, 50, 60, 70)] == [
        *(True, False, True, True, False, True, False, False),
    ]
    assert again.from_now(100.0).is_on(130.0)


@pytest.mark.parametrize("details", [{"every": 5}, {"every": 5, "lasts": 6}, {"lasts": 0}, {"level": "damp"}])
def test_spans_and_details_that_cannot_be_are_refused(details: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"lasts|level"):
        faults_of([{"what": "leak", **details}])


def test_faults_come_and_go_by_id_and_are_counted() -> None:
    table = FaultTable([Fault(what=FaultKind.SLOW, uri="/a")])
    first = table.armed()[0].id
    (second,) = table.add([Fault(what=FaultKind.RESET, times=1)])
    assert first != second
    mine = table.replies_at(BMC)
    assert [f.what if (f := pick(mine, "/b", 0.0)) else None for _ in range(2)] == [FaultKind.RESET, None]
    assert [(a.id, a.struck) for a in table.armed()] == [(first, 0), (second, 1)]
    version = table.version
    assert table.remove([second, "f99"]) == [second]
    assert table.version > version
    assert [a.id for a in table.armed()] == [first]
