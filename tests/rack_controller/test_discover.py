"""Discovery against real listeners: Redfish services found, strangers and silence named, few requests, no login."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.real_rack import RACK, site_text

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import serve_tree
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.discover import (
    FEW,
    Pace,
    Target,
    check_scope,
    discover,
    finding_document,
    proposal,
    targets_from_leases,
    targets_from_list,
    targets_from_ranges,
    targets_from_site,
)

ROOT = "/redfish/v1"
UUID = "6D1F6C1E-6F0A-5B53-9D7A-3F0C5C6D7E10"
FAST = Pace(connect_s=1.0, timeout_s=8.0)


def tree(**more: Any) -> dict[str, Any]:
    kind = "#ServiceRoot.v1_15_0.ServiceRoot"
    root = {"@odata.id": ROOT, "@odata.type": kind, "Vendor": "ACME", "RedfishVersion": "1.17.0"}
    return {ROOT: {**root, "UUID": UUID, **more}}


async def silent_port() -> int:
    """Return a port of this machine where nothing listens."""
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def test_services_strangers_and_silence_are_told_apart_with_two_requests_at_most() -> None:
    gone = await silent_port()
    async with (
        serve_tree(tree(Product="Tray")) as tray,
        serve_tree(tree(), faults=[Fault(FaultKind.STATUS, status=503)]) as broken,
        serve_tree({ROOT: {"@odata.id": ROOT, "hello": "there"}}) as stranger,
    ):
        ports = [tray.port, broken.port, stranger.port, gone]
        findings = await discover([Target("127.0.0.1", port) for port in ports], pace=FAST)
        requests = [sum(s.seen.values()) for s in (tray, broken, stranger)]
        sessions = len(tray.sessions.listing(0.0))
    found, refused, other, silent = (finding_document(f) for f in findings)
    assert (found["vendor"], found["product"], found["uuid"], found["pin"]) == ("ACME", "Tray", UUID.lower(), tray.pin)
    assert found["certificate_subject"] == "CN=127.0.0.1"
    assert found["certificate_begins"] < found["certificate_expires"]
    assert not refused["redfish"]
    assert "503" in refused["note"]
    assert "no service root" in other["note"]
    assert (silent["silent"], silent["redfish"], refused["silent"]) == (True, False, False)
    assert requests[0] == 1
    assert max(requests) <= 2
    assert sessions == 0


async def test_a_known_endpoint_is_recognised_and_a_changed_pin_or_a_twin_is_noted(tmp_path: Path) -> None:
    async with (
        serve_tree(tree(), place=f"{RACK}/u12/bmc") as first,
        serve_tree(tree(), place=f"{RACK}/u13/bmc", faults=[Fault(FaultKind.WRONG_CERTIFICATE)]) as second,
    ):
        site = tmp_path / "site.yaml"
        site.write_text(site_text([first, second]))
        known = targets_from_site(site)
        findings = await discover(known, known, FAST)
    assert [f.target.place for f in findings] == [f"{RACK}/u12/bmc", f"{RACK}/u13/bmc"]
    assert findings[0].note == ""
    assert "another certificate than the pinned one" in findings[1].note
    assert f"the same UUID as 127.0.0.1:{first.port}" in findings[1].note


async def test_a_proposal_is_an_entry_that_does_nothing_until_it_is_enrolled() -> None:
    async with serve_tree(tree(Product="Tray\nendpoints: []")) as served:
        findings = await discover([Target("127.0.0.1", served.port, name="bmc-u12")], pace=FAST)
    text = proposal(findings)
    (entry,) = yaml.safe_load(text)["endpoints"]
    assert entry == {
        "place": "SITE/HALL/ROW/RACK/SLOT/bmc",
        "address": "127.0.0.1",
        "port": served.port,
        "enabled": False,
    }
    assert f"shows {served.pin}" in text
    assert "bmc-u12" in text


async def test_many_silent_addresses_are_bounded_in_parallel() -> None:
    """A range in which nobody listens: refused at once by the kernel, never more at a time than asked for."""
    gone = await silent_port()
    told: list[int] = []
    targets = [Target(str(t.address), gone) for t in targets_from_ranges(["127.9.0.0/23"])]
    findings = await discover(targets, pace=Pace(at_once=32, per_second=2000.0), told=told.append)
    assert len(findings) == 510
    assert all(finding_document(f)["silent"] for f in findings)
    assert told[-1] == 510


def test_a_large_or_public_search_asks_first() -> None:
    check_scope([Target("10.4.7.1", 443)] * FEW, confirmed=False)
    with pytest.raises(ConfigurationError, match="many"):
        check_scope([Target("10.4.7.1", 443)] * (FEW + 1), confirmed=False)
    with pytest.raises(ConfigurationError, match="public"):
        check_scope([Target("8.8.8.8", 443)], confirmed=False)
    with pytest.raises(ConfigurationError, match="no address"):
        check_scope([], confirmed=True)
    check_scope([Target("8.8.8.8", 443)], confirmed=True)


def test_targets_come_from_leases_and_lists(tmp_path: Path) -> None:
    leases, listed, wrong = tmp_path / "leases", tmp_path / "list.csv", tmp_path / "wrong.csv"
    leases.write_text("1760000000 aa:bb:cc:00:00:12 10.4.7.12 bmc-u12 *\n")
    listed.write_text("address,port,place\n10.4.7.13,8443,tx1/a/r03/k07/u13/bmc\n10.4.7.14,,\n")
    wrong.write_text("address\n10.4.7.13\nrack7\n")
    assert targets_from_leases(leases) == [Target("10.4.7.12", 443, "aa:bb:cc:00:00:12", "bmc-u12")]
    assert [(t.port, t.place) for t in targets_from_list(listed)] == [(8443, "tx1/a/r03/k07/u13/bmc"), (443, "")]
    with pytest.raises(ConfigurationError, match=r"wrong\.csv:3"):
        targets_from_list(wrong)
    with pytest.raises(ConfigurationError, match="lease"):
        targets_from_leases(listed)
