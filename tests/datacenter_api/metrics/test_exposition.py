"""The metrics page: what promtool wants, unknown as an absent line with a counted reason, bounded labels."""

import re
import shutil
import subprocess

import pytest
from support.api import fill
from support.latched import latched_state
from support.pair import played_pair
from support.play import PlayedRack, played_rack

from datacenter_api.fleet.record import RackRecord
from datacenter_api.metrics.exposition import Exposition
from datacenter_api.metrics.families import FAMILIES, samples_of
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import SPECS, Quantity
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.table import make_table

NOW = Seconds(100.0)


def page_of(*records: RackRecord, now: Seconds = NOW, exposition: Exposition | None = None) -> str:
    page = (exposition or Exposition()).render(
        records, now, 1_800_000_000.0, connected=True, streams=2, discarded={"frame_malformed": 3}
    )
    return page.decode()


def values(page: str) -> dict[str, float]:
    lines = [line for line in page.splitlines() if line and not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_the_lines_say_what_the_rack_says(record: RackRecord, rack: PlayedRack) -> None:
    rack.set("u12/leak2", Quantity.LEAK, 1.0)
    rack.set("u12", Quantity.POWER_STATE, 0.0)
    record.hear_frame(rack.frame(), NOW)
    shown, at = values(page_of(record)), f'rack="{rack.place}"'
    assert shown[f'rack_power_watts{{{at},tray="u12",component="gpu1"}}'] == 900.0
    assert shown[f'rack_power_shelf_output_watts{{{at},tray="u06"}}'] == 12_900.0
    assert shown[f'rack_energy_joules_total{{{at},tray="u12",component="gpu0"}}'] == 1_234_567_890_123
    assert shown[f'rack_coolant_flow_liters_per_minute{{{at},tray="u01"}}'] == 180.0
    assert shown[f'rack_coolant_flow_cubic_meters_per_second{{{at},tray="u01"}}'] == pytest.approx(0.003)
    assert shown[f'rack_coolant_differential_pressure_pascals{{{at},tray="u01"}}'] == 100_000.0
    assert shown[f'rack_pump_speed_ratio{{{at},tray="u01",component="pump0"}}'] == pytest.approx(0.62)
    assert shown[f'rack_leak_detected{{{at},tray="u12",component="leak2"}}'] == 1
    assert shown[f'rack_leak_critical{{{at},tray="u12",component="leak2"}}'] == 0
    assert shown[f'rack_leak_detected{{{at},tray="u12",component="leak1"}}'] == 0
    assert shown[f'rack_psu_healthy{{{at},tray="u06",component="psu0"}}'] == 1
    assert shown[f'rack_tray_power_state{{{at},tray="u12",state="off"}}'] == 1
    assert shown[f'rack_tray_power_state{{{at},tray="u12",state="on"}}'] == 0
    assert shown[f'rack_endpoints{{{at},management="reachable"}}'] == 63
    assert shown['rack_reading_discarded_total{reason="frame_malformed"}'] == 3


def test_refused_deliveries_are_counted_once_for_all_racks_of_a_controller() -> None:
    played = played_pair()
    for rack in played:
        rack.deliveries_refused = {"address": 3, "gone": 0}
    other = played_rack(3)
    other.boot, other.deliveries_refused = "boot-2", {"address": 2, "flood": 7}
    records = []
    for rack in (*played, other):
        record = RackRecord(rack.name)
        fill(record, rack, NOW)
        records.append(record)
    shown = values(page_of(*records))
    name = "rackwright_event_deliveries_refused_total"
    assert {k: v for k, v in shown.items() if k.startswith(name)} == {
        f'{name}{{reason="address"}}': 5,
        f'{name}{{reason="gone"}}': 0,
        f'{name}{{reason="flood"}}': 7,
    }


def test_interlocks_are_counted_by_cause_and_a_rack_without_them_has_no_line(
    record: RackRecord, rack: PlayedRack
) -> None:
    assert "rackwright_latches_open" not in page_of(record)
    rack.interlocks = latched_state(rack.place)
    fill(record, rack, NOW)
    shown, at = values(page_of(record)), f'rack="{rack.place}"'
    assert shown[f'rackwright_interlock_tripped{{{at},cause="leak.critical"}}'] == 1
    assert shown[f"rackwright_latches_open{{{at}}}"] == 1
    assert shown[f"rackwright_effects_unresolved{{{at}}}"] == 0
    assert shown[f"rackwright_rack_armed{{{at}}}"] == 1


def test_a_board_behind_an_endpoint_has_one_line_per_state(record: RackRecord, rack: PlayedRack) -> None:
    rack.boards = {f"{rack.place}/u12/bmc": ("absent", "gone", ["gpu0", "gpu1"])}
    fill(record, rack, NOW)
    at = f'rack="{rack.place}",tray="u12",endpoint="bmc",subtree="hmc"'
    shown = {k: v for k, v in values(page_of(record)).items() if k.startswith("rack_subtree")}
    assert shown[f'rack_subtree_state{{{at},state="absent"}}'] == 1
    assert sum(v for k, v in shown.items() if k.startswith("rack_subtree_state")) == 1
    assert shown[f"rack_subtree_missing_parts{{{at}}}"] == 2


def test_unknown_is_an_absent_line_and_a_counted_reason(record: RackRecord, rack: PlayedRack) -> None:
    rack.set("u12", Quantity.POWER, None)
    record.hear_frame(rack.frame(), NOW)
    shown = values(page_of(record))
    assert f'rack_power_watts{{rack="{rack.place}",tray="u12"}}' not in shown
    assert f'rack_power_watts{{rack="{rack.place}",tray="u13"}}' in shown
    assert shown[f'rack_readings_unknown{{rack="{rack.place}",reason="missing"}}'] == 1
    assert not re.search(r"(?i)nan|null|inf", page_of(record).replace("_info", ""))


def test_a_silent_controller_leaves_no_old_numbers(record: RackRecord, rack: PlayedRack) -> None:
    shown = values(page_of(record, now=Seconds(NOW + 3_600.0)))
    assert not any(key.startswith("rack_power_watts") for key in shown)
    assert shown[f'rack_live{{rack="{rack.place}"}}'] == 0
    assert shown[f'rack_frame_age_seconds{{rack="{rack.place}"}}'] == 3_600.0


def test_every_family_stands_in_one_block_over_all_racks() -> None:
    records = []
    for number in (1, 2):
        rack = played_rack(number, extra_sensors=2)
        record = RackRecord(rack.name)
        fill(record, rack, NOW)
        records.append(record)
    names = re.findall(r"^# TYPE (\S+)", page_of(*records), re.MULTILINE)
    assert len(names) == len(set(names))
    seen: list[str] = []
    for line in page_of(*records).splitlines():
        name = line.split(" ")[2] if line.startswith("#") else re.split(r"[{ ]", line)[0]
        if not seen or seen[-1] != name:
            seen.append(name)
    assert len(seen) == len(set(seen)), "a family is torn apart"


def test_a_new_table_makes_a_new_template(record: RackRecord, rack: PlayedRack) -> None:
    exposition = Exposition()
    before = page_of(record, exposition=exposition)
    other = played_rack(1, extra_sensors=3)
    fill(record, other, NOW)
    after = page_of(record, exposition=exposition)
    assert 'sensor="board_0_temp"' not in before
    assert 'sensor="board_0_temp"' in after


@pytest.mark.parametrize("quantity", list(Quantity))
def test_every_quantity_has_a_metric(quantity: Quantity) -> None:
    series = Series(Place("a/b/c/d/u1/x0"), quantity, SPECS[quantity].reading_class)
    assert samples_of(series, "compute")
    assert all(s.family in FAMILIES for s in samples_of(series, "compute"))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian package prometheus)")
def test_promtool_finds_nothing_to_say(record: RackRecord, rack: PlayedRack) -> None:
    every = [Series(Place(f"{rack.place}/u12/x"), q, SPECS[q].reading_class) for q in Quantity]
    full = PlayedRack(rack.layout, make_table(rack.place, [*rack.table.series, *every]))
    fill(record, full, NOW)
    assert set(FAMILIES) <= set(re.findall(r"^# TYPE (\S+)", page_of(record), re.MULTILINE))
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=page_of(record), capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_bits_that_only_inform_raise_no_alarm() -> None:
    rack, _ = played_pair()
    rack.set("u06/psu0", Quantity.ALARMS, 0b1001)
    rack.set("u06/psu1", Quantity.ALARMS, 0b1000)
    rack.set("u06/psu2", Quantity.ALARMS, None)
    record = RackRecord(rack.name)
    fill(record, rack, NOW)
    shown, at = values(page_of(record)), f'rack="{rack.place}",tray="u06"'
    assert shown[f'rack_alarm_active{{{at},component="psu0"}}'] == 1
    assert shown[f'rack_alarm_active{{{at},component="psu1"}}'] == 0, "fully charged is no alarm"
    assert f'rack_alarm_active{{{at},component="psu2"}}' not in shown
