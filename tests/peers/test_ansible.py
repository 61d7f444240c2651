"""Ansible's redfish_info and redfish_command on our service: one playbook, whose registered results are judged here."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from support.api import PASSWORD
from support.tools import SYSTEM, Ours, Score, needs
from support.whole_rack import WholeRack

INFO: tuple[tuple[str, str], ...] = (
    ("Systems", "GetSystemInventory"),
    ("Systems", "GetCpuInventory"),
    ("Systems", "GetMemoryInventory"),
    ("Systems", "GetHealthReport"),
    ("Systems", "GetDiskInventory"),
    ("Systems", "GetBootOverride"),
    ("Chassis", "GetChassisInventory"),
    ("Chassis", "GetHealthReport"),
    ("Chassis", "GetChassisPower"),
    ("Chassis", "GetChassisThermals"),
    ("Chassis", "GetFanInventory"),
    ("Chassis", "GetPsuInventory"),
    ("Accounts", "ListUsers"),
    ("Accounts", "GetAccountServiceConfig"),
    ("Sessions", "GetSessions"),
    ("Update", "GetFirmwareInventory"),
    ("Update", "GetSoftwareInventory"),
    ("Manager", "GetManagerNicInventory"),
    ("Manager", "GetLogs"),
    ("Manager", "GetNetworkProtocols"),
    ("Manager", "GetManagerInventory"),
    ("Service", "CheckAvailability"),
)
COMMANDS: tuple[dict[str, Any], ...] = (
    {"category": "Systems", "command": "PowerForceOff", "resource_id": "k01-u11"},
    {"category": "Systems", "command": "SetOneTimeBoot", "resource_id": "k01-u11", "bootdevice": "Pxe"},
    {"category": "Systems", "command": "DisableBootOverride", "resource_id": "k01-u11"},
    {"category": "Systems", "command": "PowerOn", "resource_id": "k01-u11"},
    {"category": "Accounts", "command": "AddUser", "new_username": "eve", "roleid": "ReadOnly"},
    {"category": "Accounts", "command": "DisableUser", "account_username": "eve"},
    {"category": "Accounts", "command": "DeleteUser", "account_username": "eve"},
    {"category": "Sessions", "command": "CreateSession"},
)
ABOUT_NOBODY = ("GetMemoryInventory", "GetDiskInventory", "GetBootOverride", "GetManagerNicInventory")
"""These ask every system or manager and count as failed for each that is away: only our tray's entry is looked for."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]


async def test_ansible_reads_the_rack_and_runs_commands(whole: WholeRack, tmp_path: Path) -> None:
    needs("ansible-playbook")
    await asyncio.to_thread(work, Ours(whole, tmp_path), tmp_path)


def work(ours: Ours, folder: Path) -> None:
    ours.taken_stock()
    results = play(ours, folder)
    score = Score("ansible")
    for result in results["info"]:
        name = result["item"][1]
        facts = next(iter((result.get("redfish_facts") or {"": {}}).values()))
        told = json.dumps(facts)
        good = "k01-u11" in told if name in ABOUT_NOBODY else bool(facts.get("ret"))
        score.note(f"redfish_info {name}", good and not result.get("failed"), told or str(result))
    for result in results["commands"]:
        changed = result.get("changed") is True and not result.get("failed")
        score.note(f"redfish_command {result['item']['command']}", changed, str(result.get("msg")))
    score.note("the host is on", ours.is_("On"), str(ours.get(SYSTEM)))
    score.settle()


def play(ours: Ours, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Run the playbook and return what its two tasks registered."""
    options = {
        "baseuri": ours.whole.url.removeprefix("https://"),
        "username": "admin",
        "password": PASSWORD,
        "validate_certs": True,
        "ca_path": str(ours.whole.trusted),
    }
    names = {task: f"community.general.redfish_{task}" for task in ("info", "command")}
    info = {"category": "{{ item.0 }}", "command": "{{ item.1 }}", **options}
    commands = [{**one, "new_password": PASSWORD} if one["command"] == "AddUser" else one for one in COMMANDS]
    steps = [
        {names["info"]: info, "register": "info", "loop": [list(one) for one in INFO], "ignore_errors": True},
        {
            names["command"]: "{{ options | combine(item) }}",
            "register": "commands",
            "loop": commands,
            "ignore_errors": True,
            # What comes next asks for another power state: the one before must have been reached.
            "loop_control": {"pause": 8},
        },
        {
            "copy": {
                "content": "{{ {'info': info.results, 'commands': commands.results} | to_json }}",
                "dest": str(folder / "results.json"),
            }
        },
    ]
    play_of = {"hosts": "localhost", "gather_facts": False, "vars": {"options": options}, "tasks": steps}
    book = folder / "book.yml"
    book.write_text(json.dumps([play_of]))  # JSON is YAML
    settings = {
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
        "ANSIBLE_INJECT_FACT_VARS": "False",
        "ANSIBLE_PYTHON_INTERPRETER": str(needs("python")),
        "LC_ALL": "C.UTF-8",
    }
    words = [str(needs("ansible-playbook")), "-i", "localhost,", "-c", "local", str(book)]
    status, said = ours.run(words, settings, limit=600)
    assert status == 0, said[-3000:]
    found: dict[str, list[dict[str, Any]]] = json.loads((folder / "results.json").read_text())
    return found
