"""What NVOS says of itself, in NVIDIA's own examples and in nonsense."""

import pytest

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvue.report import APPS, HEALTH, LEAKAGE, PLATFORM, PORTS, VERSION, report_of
from firmware_bridge.wire.nvue.series import partition_readings
from firmware_bridge.wire.nvue.system import (
    Partition,
    apps_of,
    fabric_manager_of,
    firmware_of,
    health_of,
    leaks_of,
    partitions_of,
    temperatures_of,
    version_of,
)

LEAKING = {"status": "Not OK", "status-led": "off", "issues": {"LEAKAGE-1": {"issue": "detected leakage"}}}
UNPLUGGED = {"1024": {"status": "unplugged"}}
APP = {"app-id": "nmx-c-nvos", "app-ver": "0.9.0", "status": "not ok", "reason": "GFM: UNINITIALIZED"}


def test_health_and_its_leaks() -> None:
    leaking = health_of(LEAKING)
    assert (leaking.code, leaking.leak, leaking.issues) == (1.0, 2.0, (("LEAKAGE-1", "detected leakage"),))
    well = health_of({"status": "OK", "issues": {}})
    assert (well.code, well.leak) == (0.0, 0.0)


@pytest.mark.parametrize("odd", [{}, {"status": 3, "issues": []}, {"status": "perhaps"}])
def test_health_that_says_nothing_is_unknown_and_not_dry(odd: dict[str, object]) -> None:
    assert (health_of(odd).code, health_of(odd).leak) == (None, None)


def test_the_fabric_manager_runs_fails_or_is_not_listed() -> None:
    def manager(document: dict[str, object]) -> tuple[float | None, str]:
        return fabric_manager_of(apps_of(document))

    assert manager({"nmx-controller": {"status": "ok"}}) == (2.0, "")
    assert manager({"nmx-controller": APP}) == (1.0, "GFM: UNINITIALIZED")
    assert manager({"nmx-telemetry": {"status": "ok"}}) == (0.0, "")
    assert manager({"nmx-controller": {"status": "odd"}})[0] is None


def test_partitions_add_up_or_are_unknown() -> None:
    found = partitions_of({"1": {"name": "P1", "num-gpus": 8, "health": "healthy"}, "2": {"health": "degraded"}})
    assert found == [Partition("1", "P1", 0.0, 8), Partition("2", "", 1.0, None)]
    values = {r.quantity: r.value for r in partition_readings(Place("s/h/r/k/u19"), found, Seconds(1.0))}
    assert values == {Quantity.PARTITIONS: 2, Quantity.PARTITION_GPUS: None, Quantity.HEALTH: 1.0}
    assert partition_readings(Place("s/h/r/k/u19"), [], Seconds(1.0))[2].value is None


def test_versions_temperatures_firmware() -> None:
    assert version_of({"image": "nvos-25.02.2553"}) == "25.02.2553"
    assert version_of({"product-release": "25.01.3000"}) == "25.01.3000"
    assert version_of({"image": ["x"]}) == ""
    temperatures = {"ASIC1": {"current": "43.00"}, "ASIC2": {"current": "N/A"}, "odd": 3}
    assert temperatures_of(temperatures) == {"ASIC1": 43.0, "ASIC2": None}
    assert firmware_of({"BMC": {"actual-firmware": "88.0002"}, "BIOS": {}}) == [("BMC", "88.0002"), ("BIOS", None)]


def test_a_sensor_that_is_null_is_no_dry_one() -> None:
    assert leaks_of({"L1": {"state": "ok"}, "L2": {"state": "LEAK"}, "L3": None}) == [
        *(("L1", "OK"), ("L2", "Critical")),
        ("L3", "unknown"),
    ]


def test_a_report_names_parts_firmware_and_what_is_wrong() -> None:
    report = report_of(
        {
            VERSION: {"image": "nvos-25.02.2553"},
            PLATFORM: {"product-name": "N5110_LD", "serial-number": "MT1\u202e"},
            HEALTH: LEAKING,
            LEAKAGE: {"L1": {"state": "leak"}},
            PORTS: {
                "acp1": {"type": "nvl", "link": {"state": "down", "diagnostics": {"1024": {"status": "unplugged"}}}}
            },
            APPS: {"nmx-controller": APP},
        },
        {"place": "p"},
    )
    assert report.endpoint["fabric_manager"] == "failing: GFM: UNINITIALIZED"
    assert (report.endpoint["nvos"], report.endpoint["nvlink_ports_up"]) == ("25.02.2553", 0)
    assert [(i.kind, i.id, i.serial_number) for i in report.inventory] == [
        ("chassis", "platform", "MT1"),
        ("port", "acp1", None),
    ]
    assert [(f.id, f.version) for f in report.firmware] == [("NVOS", "25.02.2553"), ("nmx-controller", "0.9.0")]
    assert [(d.id, d.state) for d in report.leak_detectors] == [("L1", "Critical")]
    assert [n.what for n in report.notes] == ["detected leakage", "unplugged"]


def test_a_report_of_nothing_claims_nothing() -> None:
    report = report_of({}, {"place": "p"})
    assert report.endpoint["fabric_manager"] == "unknown"
    assert report.endpoint["nvlink_ports"] is None
    assert (report.inventory, report.firmware, report.notes) == ((), (), ())
