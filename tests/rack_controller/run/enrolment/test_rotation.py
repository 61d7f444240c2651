"""Passwords changed on real listeners: proven, kept through every crash, never shown; a factory's blocks readiness."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.real_rack import RACK, RealRack, entry_of, eventually, real_rack

from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.emulator.account_service import WithAccounts
from firmware_bridge.emulator.accounts import SoleAccount
from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import Fault, dice
from firmware_bridge.emulator.harness import serve_tree
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.ports.telemetry import Sparing
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.source import Document, Principal
from firmware_bridge.vocabulary.attention import Pacing
from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from firmware_bridge.vocabulary.place import Place
from rack_controller.assemble import FileDesk
from rack_controller.model.roles import Role
from rack_controller.run.enrolment import rotation
from rack_controller.run.enrolment.rotation import LENGTH, new_password

ROOT = "/redfish/v1"
U12 = f"{RACK}/u12/bmc"
OWN = "k01/u12-bmc"
ACCOUNT = f"{ROOT}/AccountService/Accounts/root"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "PAUSE", 0.0)


def tree() -> dict[str, Any]:
    chassis = f"{ROOT}/Chassis/c"
    return {
        ROOT: {"@odata.id": ROOT, "RedfishVersion": "1.17.0", "Chassis": {"@odata.id": f"{ROOT}/Chassis"}},
        f"{ROOT}/Chassis": {"Members": [{"@odata.id": chassis}]},
        chassis: {"@odata.id": chassis, "ChassisType": "RackMount", "SerialNumber": "S", "PowerState": "On"},
    }


async def reachable(rack: RealRack) -> bool:
    return (await rack.status(U12)).management == "reachable"


def vault_of(folder: Path) -> Vault:
    return Vault(folder / "credentials")


async def test_a_password_is_changed_proven_and_the_endpoint_read_with_it(tmp_path: Path) -> None:
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: reachable(rack))
        vault = vault_of(tmp_path)
        vault.store_factory(entry_of(served), Credential(served.user, served.password))
        rack.controlled._enrolling.rotation.look()  # type: ignore[union-attr]
        assert (await rack.status(U12)).blocked_by == ["password"]

        assert (await rack.do("rotate", U12, Role.OPERATOR)).code == "role_insufficient"
        reply = await rack.do("rotate", U12)
        assert reply.accepted, reply.reason
        now = vault.fetch(OWN)
        assert now.secret != served.password
        assert (vault.pending(OWN), vault.is_factory(OWN)) == (None, False)
        assert read_site(rack.site).endpoints[0].credential == OWN
        await eventually(lambda: reachable(rack))
        assert (await rack.status(U12)).blocked_by == []
        (event,) = await eventually(lambda: told(rack, "password.rotated"))
        said = rack.site.read_text() + event.message + str(reply)
        assert now.secret not in said
        assert "by ada" in event.message


async def test_a_password_that_must_be_changed_can_be(tmp_path: Path) -> None:
    async with serve_tree(tree(), place=U12, must_change=True) as served, real_rack(tmp_path, [served]) as rack:
        assert (await rack.do("rotate", U12)).accepted
        await eventually(lambda: reachable(rack))


async def test_a_device_that_refuses_keeps_the_old_password_and_so_do_we(tmp_path: Path) -> None:
    refusing = Fault(FaultKind.STATUS, uri=ACCOUNT, status=400)
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: reachable(rack))
        served.faults.set([refusing])
        reply = await rack.do("rotate", U12)
        assert (reply.accepted, reply.code) == (False, "device_error")
        vault = vault_of(tmp_path)
        assert vault.fetch(OWN).secret == served.password
        assert vault.pending(OWN) is None
        served.faults.set([])
        await eventually(lambda: reachable(rack))


@pytest.mark.parametrize("changed", [True, False], ids=["after the change", "before the change"])
async def test_a_lost_answer_is_settled_by_trying_which_one_stands(tmp_path: Path, changed: bool) -> None:
    # The account is read first and changed then: which of the two loses its answer is the dice's to say.
    seed = next(n for n in range(1_000) if (dice(n, 1) >= 0.5 > dice(n, 2)) == changed and dice(n, 3) >= 0.5)
    lost = Fault(FaultKind.LOST_RESPONSE, uri=ACCOUNT, probability=0.5, seed=seed, times=1)
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: reachable(rack))
        served.faults.set([lost])
        reply = await rack.do("rotate", U12)
        served.faults.set([])
        vault = vault_of(tmp_path)
        assert vault.pending(OWN) is None
        assert reply.accepted == changed == (vault.fetch(OWN).secret != served.password)
        await eventually(lambda: reachable(rack))


@pytest.mark.parametrize("changed", [True, False], ids=["after the change", "before the change"])
async def test_a_crash_between_vault_and_device_loses_no_password(tmp_path: Path, changed: bool) -> None:
    async with serve_tree(tree(), place=U12) as served:
        async with real_rack(tmp_path, [served]) as rack:
            await eventually(lambda: reachable(rack))
            account = rack.controlled._enrolling.rotation.desk.own_account(U12, new_password())  # type: ignore[union-attr,arg-type]
            if changed:
                await account.change()
        vault = vault_of(tmp_path)
        new = vault.pending(OWN)
        assert new is not None
        served.sessions.clear()
        async with real_rack(tmp_path, [served]) as rack:
            await eventually(lambda: reachable(rack))
            assert (vault.pending(OWN) is None) == changed, "what was asked may still come: only a new one settles it"
            assert vault.fetch(OWN).secret == (new.secret if changed else served.password)
            assert (await rack.status(U12)).blocked_by == ([] if changed else ["password"])
            assert (await rack.do("rotate", U12)).accepted
            assert vault.pending(OWN) is None


async def test_an_endpoint_that_is_away_keeps_both_and_says_so(tmp_path: Path) -> None:
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served]) as rack:
        rack.controlled._enrolling.rotation.desk.own_account(U12, new_password())  # type: ignore[union-attr,arg-type]
    async with real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: pending(rack))
        assert vault_of(tmp_path).pending(OWN) is not None


async def test_a_rack_that_is_only_observed_keeps_its_passwords(tmp_path: Path) -> None:
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served], armed=False) as rack:
        assert (await rack.do("rotate", U12)).code == "precondition_failed"
        assert vault_of(tmp_path).names() == (entry_of(served),)


@dataclass
class Slow:
    """An account service that takes a password, but not as it should; `account` is the device's own."""

    taken: list[str] = field(default_factory=list)
    account: SoleAccount | None = None
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def patch(self, service: WithAccounts, uri: str, changes: dict[str, Any], _by: Principal) -> Document | None:
        self.account = service._account
        self.taken.append(changes["Password"])
        return service.get(uri, None)

    def apply(self) -> None:
        assert self.account is not None
        self.account.change(self.taken[0])

    def opens(self, credential: Credential) -> bool:
        return self.account is not None and self.account.fits(credential.user, credential.secret)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    made = Slow()

    async def patch(service: WithAccounts, *asked: Any) -> Document | None:
        return await made.patch(service, *asked)

    monkeypatch.setattr(WithAccounts, "patch", patch)
    return made


@pytest.mark.parametrize("again_first", [True, False], ids=["before the next try", "after the next try"])
async def test_a_password_that_is_taken_late_is_not_lost(tmp_path: Path, slow: Slow, again_first: bool) -> None:
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: reachable(rack))
        vault = vault_of(tmp_path)
        reply = await rack.do("rotate", U12)
        assert (reply.code, "may come late" in reply.reason) == ("precondition_failed", True)
        pending = vault.pending(OWN)
        assert pending is not None
        assert pending.secret == slow.taken[0]
        assert vault.fetch(OWN).secret == served.password
        assert (await rack.status(U12)).blocked_by == ["password"]
        if again_first:
            assert not (await rack.do("rotate", U12)).accepted
            assert slow.taken == [pending.secret] * 2, "the same is asked for again, whichever comes"
        slow.apply()
        await rack.do("rotate", U12)
        assert slow.opens(vault.fetch(OWN))


async def test_a_server_error_says_nothing_of_what_was_done(tmp_path: Path, slow: Slow) -> None:
    whole = slow.patch

    async def taken_and_failed(*asked: Any) -> Document | None:
        await whole(*asked)
        slow.apply()
        raise RequestRefused("InternalError", status=500)

    slow.patch = taken_and_failed  # type: ignore[method-assign]
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: reachable(rack))
        assert (await rack.do("rotate", U12)).accepted
        assert slow.opens(vault_of(tmp_path).fetch(OWN))
        await eventually(lambda: reachable(rack))


async def test_one_change_at_a_time_also_when_nobody_waits_any_more(tmp_path: Path, slow: Slow) -> None:
    whole = slow.patch

    async def held_up(*asked: Any) -> Document | None:
        await whole(*asked)
        await slow.may_go_on.wait()
        slow.apply()
        return await whole(*asked)

    slow.patch = held_up  # type: ignore[method-assign]
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: reachable(rack))
        first = asyncio.create_task(rack.do("rotate", U12))
        await eventually(lambda: asked_for(slow))
        said: dict[str, dict[str, Any]] = {"rotate": {}, "reload": {}, "repin": {"pin": "x"}, "fix": {"name": "x"}}
        for verb, arguments in said.items():
            reply = await rack.do(verb, U12, **arguments)
            assert (reply.code, reply.reason) == ("refused", f"rotate of {U12} is under way")
        assert (await rack.do("swap", U12, action="start", reason="r", contact="c")).code == "refused"
        assert slow.taken == slow.taken[:1]
        slow.may_go_on.set()
        assert (await first).accepted
        assert slow.opens(vault_of(tmp_path).fetch(OWN))
        assert (await rack.do("reload", U12)).accepted


async def test_a_driver_that_logged_in_for_a_pin_that_is_not_written_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: reachable(rack))
        open_before = len(served.sessions.listing(0.0))

        def full(*_: object) -> None:
            raise EnvironmentUnfit("cannot write the site file: no space left")

        monkeypatch.setattr(FileDesk, "repin", full)
        reply = await rack.do("repin", U12, pin=served.pin, serial="S")
        assert "no space left" in reply.reason
        assert len(served.sessions.listing(0.0)) == open_before


async def test_a_pending_password_holds_up_its_own_endpoint_only(tmp_path: Path) -> None:
    u13 = f"{RACK}/u13/bmc"
    async with serve_tree(tree(), place=U12) as served, serve_tree(tree(), place=u13) as other:
        async with real_rack(tmp_path, [served, other]) as rack:
            rack.controlled._enrolling.rotation.desk.own_account(U12, new_password())  # type: ignore[union-attr,arg-type]
        served.faults.set([Fault(FaultKind.HANG, uri=f"{ROOT}/SessionService/Sessions")])
        async with real_rack(tmp_path, [served, other]) as rack:
            await eventually(lambda: heard(rack, u13))
            resting = await eventually(lambda: error_of(rack))
            assert "which of its passwords" in resting
            assert (await rack.do("rotate", U12)).code == "refused"


async def test_settling_that_fails_by_a_bug_costs_nobody_their_readings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve_tree(tree(), place=U12) as served:
        async with real_rack(tmp_path, [served]) as rack:
            rack.controlled._enrolling.rotation.desk.own_account(U12, new_password())  # type: ignore[union-attr,arg-type]

        async def broken(*_: object) -> str:
            raise ValueError("a bug")

        monkeypatch.setattr(rotation.Rotation, "_settle", broken)
        async with real_rack(tmp_path, [served]) as rack:
            await eventually(lambda: reachable(rack))
            assert await pending(rack)


async def test_an_edited_site_file_arms_a_rack_only_at_a_start(tmp_path: Path) -> None:
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served], armed=False) as rack:
        rack.site.write_text(rack.site.read_text().replace("armed: false", "armed: true"))
        assert (await rack.do("reload", U12)).accepted
        assert (await rack.do("rotate", U12)).code == "precondition_failed"


async def asked_for(slow: Slow) -> bool:
    return bool(slow.taken)


async def heard(rack: RealRack, place: str) -> bool:
    return (await rack.status(place)).management == "reachable"


async def error_of(rack: RealRack) -> str:
    return (await rack.status(U12)).error


def test_passwords_have_every_class_of_characters_and_differ() -> None:
    made = {new_password() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        assert len(password) == LENGTH
        assert all(any(test(c) for c in password) for test in (str.islower, str.isupper, str.isdigit))
        assert any(c in "-_." for c in password)


async def pending(rack: RealRack) -> bool:
    return (await rack.status(U12)).blocked_by == ["password"]


async def told(rack: RealRack, kind: str) -> Any:
    return rack.events(kind)


async def test_an_endpoint_that_is_left_alone_stays_so_when_it_is_read_through_another_source(tmp_path: Path) -> None:
    async with serve_tree(tree(), place=U12) as served, real_rack(tmp_path, [served]) as rack:
        await eventually(lambda: reachable(rack))
        assert (await rack.do("quiet", U12, minutes=30, reason="flashed by hand")).accepted
        sources = rack.controlled._enrolling.roster.sources
        for verb in ("reload", "rotate"):
            before = sources[Place(U12)]
            reply = await rack.do(verb, U12)
            assert reply.accepted, reply.reason
            after = sources[Place(U12)]
            assert after is not before
            assert isinstance(after, Sparing)
            assert after.attention.pacing is Pacing.QUIET
            assert "flashed by hand" in after.attention.reason
        assert (await rack.do("quiet", U12, minutes=0, reason="over")).accepted
        assert (await rack.do("reload", U12)).accepted
        again = sources[Place(U12)]
        assert isinstance(again, Sparing)
        assert again.attention.pacing is not Pacing.QUIET
