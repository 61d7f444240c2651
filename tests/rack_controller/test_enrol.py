"""Enrolment against real listeners, by the command line: only what was confirmed or proven is pinned."""

from pathlib import Path
from typing import Any

import pytest
from support.real_rack import RACK, site_text

from datacenter_api.cli.main import run
from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import ServedEndpoint, serve_tree
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.vocabulary.errors import EndpointRefused, LoginRefused
from rack_controller import candidates
from rack_controller.candidates import find_credential
from rack_controller.enrol import newcomer, read_newcomers

ROOT = "/redfish/v1"
U12 = f"{RACK}/u12/bmc"


def tray_tree(serial: str = "SN-12") -> dict[str, Any]:
    chassis, system = f"{ROOT}/Chassis/c", f"{ROOT}/Systems/s"
    return {
        ROOT: {
            "@odata.id": ROOT,
            "@odata.type": "#ServiceRoot.v1_15_0.ServiceRoot",
            "Chassis": {"@odata.id": f"{ROOT}/Chassis"},
            "Systems": {"@odata.id": f"{ROOT}/Systems"},
        },
        f"{ROOT}/Chassis": {"Members": [{"@odata.id": f"{chassis}-part"}, {"@odata.id": chassis}]},
        f"{ROOT}/Systems": {"Members": [{"@odata.id": system}]},
        f"{chassis}-part": {"@odata.id": f"{chassis}-part", "ChassisType": "Component", "SerialNumber": "PART"},
        chassis: {
            "@odata.id": chassis,
            "ChassisType": "RackMount",
            "SerialNumber": serial,
            "Manufacturer": "ACME",
            "Model": "T1",
            "Links": {"ComputerSystems": [{"@odata.id": system}]},
        },
        system: {"@odata.id": system, "SerialNumber": "N/A", "PowerState": "On"},
    }


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "PAUSE_S", 0.0)


class Home:
    """A state directory with a site of one empty rack and a vault entry that opens `served`."""

    def __init__(self, folder: Path, served: ServedEndpoint) -> None:
        self.folder, self.served = folder, served
        self.site = folder / "site.yaml"
        self.site.write_text("# ours\n" + site_text([]))
        Vault(folder / "credentials").store("lab/tray", Credential(served.user, served.password))

    async def enrol(self, *more: str, place: str = U12) -> int:
        import asyncio

        where = f"{self.served.address}:{self.served.port}"
        words = ["enrol", place, where, "--credential", "lab/tray", "--state", str(self.folder), *more]
        return await asyncio.to_thread(run, words)

    @property
    def pinned(self) -> dict[str, str | None]:
        return {e.place: e.pin for e in read_site(self.site).endpoints}


async def test_a_matching_serial_number_pins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with serve_tree(tray_tree()) as served:
        home = Home(tmp_path, served)
        assert await home.enrol("--serial", "sn-12") == 0
        answered, said = capsys.readouterr()
    assert home.pinned == {U12: served.pin}
    assert home.site.read_text().startswith("# ours\n")
    assert answered == f"{U12} enrolled: ACME T1, serial SN-12\n"
    for shown in (served.pin, "CN=127.0.0.1", "valid"):
        assert shown in said
    assert served.password not in answered + said


async def test_another_serial_number_pins_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with serve_tree(tray_tree()) as served:
        home = Home(tmp_path, served)
        before = home.site.read_text()
        for wrong in ("SN-13", "N/A", "PART"):
            assert await home.enrol("--serial", wrong) == 1
        assert "its serial number is SN-12, expected SN-13" in capsys.readouterr().err
    assert home.site.read_text() == before


async def test_nobody_there_to_confirm_pins_nothing_and_sends_no_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serve_tree(tray_tree()) as served:
        home = Home(tmp_path, served)
        assert await home.enrol() == 2
        assert f"give --trust {served.pin}" in capsys.readouterr().err
        assert await home.enrol("--trust", "sha256//" + "A" * 43 + "=") == 1
        assert served.seen == {}
        assert home.pinned == {}
        assert await home.enrol("--trust", served.pin) == 0
    assert home.pinned == {U12: served.pin}


async def test_an_expired_certificate_and_a_wrong_password_are_not_enrolled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serve_tree(tray_tree(), faults=[Fault(FaultKind.EXPIRED_CERTIFICATE)]) as served:
        home = Home(tmp_path, served)
        assert await home.enrol("--serial", "SN-12") == 1
        assert "its certificate ended on" in capsys.readouterr().err
        served.faults.set([])
        served.follow_faults()
        Vault(tmp_path / "credentials").store("lab/tray", Credential(served.user, "wrong"))
        assert await home.enrol("--serial", "SN-12") == 4
        assert "check the credential" in capsys.readouterr().err
    assert home.pinned == {}


async def test_what_is_already_pinned_is_not_pinned_anew_in_passing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serve_tree(tray_tree()) as served:
        home = Home(tmp_path, served)
        assert await home.enrol("--serial", "SN-12") == 0
        assert await home.enrol("--serial", "SN-12", place=f"{RACK}/u13/bmc") == 2
        assert f"is the one of {U12}" in capsys.readouterr().err
        served.faults.set([Fault(FaultKind.WRONG_CERTIFICATE)])
        served.follow_faults()
        assert await home.enrol("--serial", "SN-12") == 2
        assert "endpoint repin" in capsys.readouterr().err
    assert home.pinned == {U12: served.pin}


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("lab1/a/r01/k01/u12", "is no endpoint"),
        ("lab1/a/r01/k09/u12/bmc", "lists no rack"),
        (f"{RACK}/u12/pmc", "that slot has bmc"),
        (f"{RACK}/u99/bmc", "is no endpoint of generation"),
    ],
)
async def test_a_place_that_the_rack_does_not_have_is_refused(
    place: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serve_tree(tray_tree()) as served:
        assert await Home(tmp_path, served).enrol("--serial", "SN-12", place=place) == 2
        assert served.seen == {}
    assert says in capsys.readouterr().err


async def test_a_list_enrols_what_fits_and_says_what_did_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    async with serve_tree(tray_tree()) as served, serve_tree(tray_tree("SN-13")) as other:
        home = Home(tmp_path, served)
        Vault(tmp_path / "credentials").store("lab/other", Credential(other.user, other.password))
        rows = f"{U12},127.0.0.1,{served.port},lab/tray,SN-12\n{RACK}/u13/bmc,127.0.0.1,{other.port},lab/other,SN-14\n"
        (tmp_path / "racks.csv").write_text("place,address,port,credential,serial\n" + rows)
        words = ["enrol", "--list", str(tmp_path / "racks.csv"), "--state", str(tmp_path)]
        assert await asyncio.to_thread(run, words) == 2
    said = capsys.readouterr().err
    assert home.pinned == {U12: served.pin}
    assert f"{RACK}/u13/bmc: not enrolled" in said
    assert "1 of 2 were not enrolled" in said


async def test_a_factory_password_is_found_stored_and_marked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    async with serve_tree(tray_tree()) as served:
        home = Home(tmp_path, served)
        file = tmp_path / "candidates"
        file.write_text(f"# ours\nadmin:wrong-one\nroot:{served.password}\n")
        where = f"{served.address}:{served.port}"
        words = ["enrol", U12, where, "--serial", "SN-12", "--candidates", str(file), "--state", str(tmp_path)]
        assert await asyncio.to_thread(run, words) == 2
        assert "chmod 600" in capsys.readouterr().err
        file.chmod(0o600)
        assert await asyncio.to_thread(run, words) == 0
        said = capsys.readouterr().err
    vault = Vault(tmp_path / "credentials")
    assert (vault.fetch("k01/u12-bmc").secret, vault.is_factory("k01/u12-bmc")) == (served.password, True)
    assert "endpoint rotate" in said
    assert served.password not in said
    assert home.pinned == {U12: served.pin}


async def test_each_account_is_tried_once_and_a_lock_ends_it(tmp_path: Path) -> None:
    who = newcomer(U12, "127.0.0.1", "1")
    async with serve_tree(tray_tree()) as served:
        who = newcomer(U12, "127.0.0.1", str(served.port))
        pairs = [Credential("root", "wrong"), Credential("root", served.password)]
        left: list[str] = []
        with pytest.raises(LoginRefused, match="none of the passwords"):
            await find_credential(who, served.pin, pairs, left.append)
        assert served.seen == {f"{ROOT}/SessionService/Sessions": 1}
        assert len(left) == 1
        served.faults.set([Fault(FaultKind.STATUS, uri="*/Sessions", status=403)])
        with pytest.raises(EndpointRefused, match="may be locked"):
            await find_credential(who, served.pin, [*pairs, Credential("other", "x")])
        assert served.seen == {f"{ROOT}/SessionService/Sessions": 2}


def test_an_address_may_carry_its_port() -> None:
    assert newcomer(U12, "10.4.7.12").port == 443
    assert newcomer(U12, "10.4.7.12:8443").port == 8443
    assert (newcomer(U12, "[fd00::12]:8443").address, newcomer(U12, "fd00::12").port) == ("fd00::12", 443)


def test_a_list_with_a_wrong_line_is_pointed_at(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(f"place,address\n{U12},10.4.7.12\n{U12},rack7\n")
    with pytest.raises(Exception, match=r"x\.csv:3"):
        read_newcomers(tmp_path / "x.csv")
