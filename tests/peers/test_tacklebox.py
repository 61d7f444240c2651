"""Tacklebox of DMTF on our service: sensors, power and thermal equipment, logs, events; a tray goes off and on."""

import asyncio
import re
from pathlib import Path

import pytest
from support.api import PASSWORD
from support.tools import Ours, Score, needs, says
from support.whole_rack import WholeRack

SHELF, UNIT = ("-t", "PowerShelf", "-pe", "k01-u06"), ("-t", "CDU", "-te", "k01-u01")
READS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("rf_sensor_list.py", (), r"^  u01 flow +\| \d+\.\d+ L/min +\| OK"),
    ("rf_power_equipment.py", ("list",), r"^  k01-u06 +\| PF-1333-7R +\| \S+ +\| Enabled +\| OK"),
    ("rf_power_equipment.py", ("status", *SHELF), r"^  Power: \d+\.\d W"),
    ("rf_power_equipment.py", ("mainsinfo", *SHELF), r"CircuitType: Mains"),
    ("rf_power_equipment.py", ("branchinfo", *SHELF, "-b", "busbar"), r"^  Power: \d+\.\d W"),
    ("rf_thermal_equipment.py", ("list",), r"^  k01-u01 +\| Emulated CDU 250 +\| \S+ +\| Enabled +\| OK"),
    ("rf_thermal_equipment.py", ("status", *UNIT), r"CoolingCapacityWatts: 250000"),
    ("rf_thermal_equipment.py", ("secondaryinfo", *UNIT), r"^  Flow: \d+\.\d L/min"),
    ("rf_thermal_equipment.py", ("primaryinfo", *UNIT), r"Primary Connector"),
    ("rf_thermal_equipment.py", ("pumpinfo", *UNIT, "-pu", "pump0"), r"PumpSpeed: \d+"),
    ("rf_thermal_equipment.py", ("reservoirinfo", *UNIT), r"CapacityLiters: 12"),
    ("rf_thermal_equipment.py", ("leakdetectors", *UNIT), r"^  leak0 +\| Moisture +\| OK"),
    ("rf_sys_inventory.py", (), r"'k01-u11' Inventory"),
    ("rf_manager_config.py", ("-m", "k01-u11-bmc"), r"FirmwareVersion: GB200"),
    ("rf_firmware_inventory.py", (), r"FW_BMC_0"),
    ("rf_component_integrity.py", (), r"Type: SPDM"),
    ("rf_event_service.py", ("info",), r"SSE URI: /redfish/v1/EventService/SSE"),
    ("rf_power_reset.py", ("-s", "k01-u11", "--info"), r"Current power state: On"),
)

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


async def test_tacklebox_reads_the_rack_and_switches_a_tray(whole: WholeRack, tmp_path: Path) -> None:
    needs("rf_sensor_list.py")
    await asyncio.to_thread(work, Ours(whole, tmp_path))


def work(ours: Ours) -> None:
    ours.taken_stock()
    score = Score("tacklebox")

    def run(script: str, *words: str) -> tuple[int, str]:
        login = ("-u", "admin", "-p", PASSWORD, "-r", ours.whole.url)
        return ours.run([str(needs("python")), str(needs(script)), *login, *words])

    def tried(script: str, words: tuple[str, ...], pattern: str) -> str:
        status, said = run(script, *words)
        if "UnavailableOffline" in said and not says(pattern, said):  # a busy machine had not read it just then
            ours.seen()
            status, said = run(script, *words)
        score.note(f"{script} {' '.join(words)}", status == 0 and says(pattern, said), said)
        return said

    for script, words, pattern in READS:
        tried(script, words, pattern)
    made = tried("rf_event_service.py", ("subscribe", "-dest", "https://192.0.2.9/in", "-c", "us"), r"/Subscriptions/")
    name = re.search(r"Subscriptions/([\w-]+)", made)
    tried("rf_event_service.py", ("unsubscribe", "-i", name[1] if name else "none"), r"^Deleting")
    for word, state in (("ForceOff", "Off"), ("On", "On"), ("GracefulRestart", "On")):
        tried("rf_power_reset.py", ("-s", "k01-u11", "-t", word), r"^Resetting the system")
        score.note(f"{word} leads to {state}", ours.is_(state), str(ours.get("/redfish/v1/Systems/k01-u11")))
    tried("rf_logs.py", ("-c", "k01", "--details"), r"u11")
    score.settle()
