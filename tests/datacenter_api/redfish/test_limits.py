"""Power limits through the service: shown with what devices allow, set by the rack's `limit` command, refused with a
reason that is final."""

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from support.api import PASSWORD
from support.redfish_hall import Hall
from support.whole_rack import whole_rack

from datacenter_api.auth.accounts import ensure_admin
from firmware_bridge.vocabulary.errors import BusUnavailable
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.command import Command, Reply
from rack_controller.model.limit import LimitRow, LimitState, SetPoint
from rack_controller.model.roles import Role

R = "/redfish/v1"
GPU = f"{R}/Systems/k01-u12/Processors/gpu0/EnvironmentMetrics"
CONTROL = f"{R}/Chassis/k01-u12/Controls/gpu0.power_limit"
WISH = {"PowerLimitWatts": {"SetPoint": 900}}


@dataclass
class Controller:
    """Answers `limit` with `reply` (None: taken, and read back), and says what may be limited: GPU 0 of a tray."""

    hall: Hall
    place: str
    reply: Reply | None = None
    said: dict[str, Any] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)

    async def command(self, _rack: str, wish: Command) -> Reply:
        self.commands.append(wish)
        if self.reply is not None:
            return msgspec.structs.replace(self.reply, id=wish.id)
        watts = float(wish.arguments["watts"])
        shows = {"state": LimitState.APPLIED, "read_back": watts, **self.said}
        point = SetPoint(wish.target, f"{self.place}/bmc", watts, wish.actor, 0, **shows)
        return Reply(wish.id, accepted=True, result={"limits": [msgspec.to_builtins(point)]})

    async def ask(self, _rack: str, want: str) -> bytes:
        if want != "limits":
            raise BusUnavailable("not asked here")
        return msgspec.json.encode([LimitRow(f"{self.place}/gpu0", f"{self.place}/bmc", 200.0, 1_200.0, 1_100.0, 1e3)])


@pytest.fixture
def controller(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> Controller:
    made = Controller(hall, f"{hall.racks['k01'].place}/u12")
    monkeypatch.setattr(hall.api.services.bus, "command", made.command)
    monkeypatch.setattr(hall.world.limits, "ask", made.ask)
    return made


async def looked(hall: Hall) -> None:
    """Have the limits of the rack read, as a first look does in the background."""
    await hall.get(GPU.removeprefix(R))
    await hall.world.limits._busy["k01"]


def message(answer: httpx.Response) -> tuple[int, str, str]:
    """Return status, MessageId and the property at fault."""
    info = answer.json()["error"]["@Message.ExtendedInfo"][0]
    return answer.status_code, info["MessageId"].rsplit(".", 1)[1], (info.get("RelatedProperties") or [""])[0]


async def test_what_a_device_allows_is_shown_at_the_part_and_at_its_control(hall: Hall, controller: Controller) -> None:
    await looked(hall)
    range_w = {"AllowableMin": 200.0, "AllowableMax": 1_200.0, "DefaultSetPoint": 1_100.0}
    assert (await hall.get(GPU.removeprefix(R)))["PowerLimitWatts"] == {
        "DataSourceUri": CONTROL,
        "SetPoint": 1_200.0,
        **range_w,
    }
    assert (await hall.get(CONTROL.removeprefix(R))).items() >= {
        "SetPoint": 1_200.0,
        "SetPointUnits": "W",
        **range_w,
    }.items()


async def test_only_what_can_be_set_on_an_armed_rack_takes_a_patch(hall: Hall, controller: Controller) -> None:
    await looked(hall)
    async with hall.api.client() as client:
        for uri, allow in (
            (GPU, "GET, HEAD, PATCH"),
            (CONTROL, "GET, HEAD, PATCH"),
            (GPU.replace("gpu0", "gpu1"), "GET, HEAD"),
        ):
            assert (await client.get(uri)).headers["allow"] == allow, uri
        refused = await client.patch(GPU.replace("gpu0", "gpu1"), json=WISH)
        assert refused.status_code == 405
        assert (await client.patch(f"{R}/Chassis/k01/EnvironmentMetrics", json=WISH)).status_code == 405
        rack = hall.racks["k01"]
        hall.api.services.fleet.record("k01").hear_layout(msgspec.structs.replace(rack.layout, armed=False))
        hall.world.changed += 1
        assert (await client.get(GPU)).headers["allow"] == "GET, HEAD"
        assert (await client.patch(GPU, json=WISH)).status_code == 405
    assert controller.commands == []


@pytest.mark.parametrize(("uri", "body"), [(GPU, WISH), (CONTROL, {"SetPoint": 900.0})])
async def test_a_limit_is_set_by_the_command_and_shows_before_the_next_reading(
    hall: Hall, controller: Controller, uri: str, body: dict[str, Any]
) -> None:
    await looked(hall)
    async with hall.api.client(hall.api.user_for(Role.OPERATOR)) as client:
        done = await client.patch(uri, json=body)
        assert done.status_code == 200, done.text
        shown = done.json().get("PowerLimitWatts", done.json())
        assert shown["SetPoint"] == 900.0
        assert (await client.get(GPU)).json()["PowerLimitWatts"]["SetPoint"] == 900.0
    wish = controller.commands[0]
    assert (wish.verb, wish.target, wish.actor, wish.arguments) == (
        "limit",
        f"{controller.place}/gpu0",
        "operator",
        {"watts": 900.0},
    )
    row = next(row for row in hall.api.services.store.audited(5) if row["what"] == "command limit")
    assert (row["actor"], row["target"], row["outcome"]) == ("operator", wish.target, "accepted")
    hall.racks["k01"].set("u12/gpu0", Quantity.POWER_LIMIT, 850.0)  # somebody else has set it since
    hall.world.limits._set[f"{controller.place}/gpu0"] = 900.0, Seconds(hall.world.parts.now() - 1.0)
    hall.say("k01")
    assert (await hall.get(GPU.removeprefix(R)))["PowerLimitWatts"]["SetPoint"] == 850.0


async def test_an_entity_tag_that_is_old_sets_nothing(hall: Hall, controller: Controller) -> None:
    await looked(hall)
    async with hall.api.client() as client:
        etag = (await client.get(CONTROL)).headers["etag"]
        assert (await client.patch(CONTROL, json={"SetPoint": 900}, headers={"if-match": etag})).status_code == 200
        stale = await client.patch(CONTROL, json={"SetPoint": 800}, headers={"if-match": etag})
        assert message(stale)[:2] == (412, "PreconditionFailed")
    assert [c.arguments["watts"] for c in controller.commands] == [900.0]


@pytest.mark.parametrize(
    ("body", "told", "at"),
    [
        ({}, "PropertyMissing", "#/PowerLimitWatts"),
        ({"PowerLimitWatts": 900}, "PropertyValueTypeError", "#/PowerLimitWatts"),
        ({"PowerLimitWatts": {}}, "PropertyMissing", "#/PowerLimitWatts/SetPoint"),
        ({"PowerLimitWatts": {"SetPoint": None}}, "PropertyValueTypeError", "#/PowerLimitWatts/SetPoint"),
        ({"PowerLimitWatts": {"SetPoint": True}}, "PropertyValueTypeError", "#/PowerLimitWatts/SetPoint"),
        ({"PowerLimitWatts": {"SetPoint": "900"}}, "PropertyValueTypeError", "#/PowerLimitWatts/SetPoint"),
        ({"PowerLimitWatts": {"SetPoint": 0}}, "PropertyValueOutOfRange", "#/PowerLimitWatts/SetPoint"),
        ({"PowerLimitWatts": {"SetPoint": -1}}, "PropertyValueOutOfRange", "#/PowerLimitWatts/SetPoint"),
        ({"PowerLimitWatts": {"SetPoint": 1e300}}, "PropertyValueOutOfRange", "#/PowerLimitWatts/SetPoint"),
        ({"PowerLimitWatts": {"SetPoint": 9, "Shoe": 1}}, "PropertyUnknown", "#/PowerLimitWatts/Shoe"),
        ({"PowerLimitWatts": {"SetPoint": 9}, "PowerWatts": 1}, "PropertyNotWritable", "#/PowerWatts"),
    ],
)
async def test_a_wrong_wish_is_refused_by_its_property_before_anything_is_sent(
    hall: Hall, controller: Controller, body: dict[str, Any], told: str, at: str
) -> None:
    async with hall.api.client() as client:
        assert message(await client.patch(GPU, json=body)) == (400, told, at)
    assert controller.commands == []


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("arguments_invalid", 400, "PropertyValueOutOfRange"),
        ("target_unknown", 400, "PropertyNotWritable"),
        ("precondition_failed", 409, "PropertyValueIncorrect"),
        ("latched", 409, "Latched"),
        ("role_insufficient", 403, "InsufficientPrivilege"),
    ],
)
async def test_what_the_controller_refuses_is_final_and_has_its_reason(
    hall: Hall, controller: Controller, code: str, status: int, told: str
) -> None:
    controller.reply = Reply(
        "", accepted=False, code=code, reason="u12/gpu0 is not raised: warm coolant", advice="wait"
    )
    async with hall.api.client() as client:
        answer = await client.patch(GPU, json=WISH)
    assert message(answer)[:2] == (status, told), answer.text
    assert "warm coolant" in answer.text


async def test_what_the_device_refuses_or_does_not_confirm_is_said(hall: Hall, controller: Controller) -> None:
    async with hall.api.client() as client:
        controller.said = {"state": LimitState.REFUSED, "read_back": None, "detail": "the device said no"}
        refused = await client.patch(GPU, json=WISH)
        assert message(refused) == (400, "PropertyValueIncorrect", "#/PowerLimitWatts/SetPoint")
        assert "the device said no" in refused.text
        controller.said = {"state": LimitState.REQUESTED, "read_back": None, "detail": "its firmware is being written"}
        pending = await client.patch(GPU, json=WISH)
        assert pending.status_code == 200
        (info,) = pending.json()["PowerLimitWatts@Message.ExtendedInfo"]
        assert (info["MessageId"], info["MessageSeverity"]) == ("Rackwright.1.0.LimitSet", "Warning")
        assert "its firmware is being written" in info["Message"]
        assert pending.json()["PowerLimitWatts"]["SetPoint"] == 1_200.0


@pytest.mark.parametrize("role", [Role.VIEWER, Role.TECHNICIAN, Role.SAFETY])
async def test_who_sets_no_limits_sets_none_here(hall: Hall, controller: Controller, role: Role) -> None:
    async with hall.api.client(hall.api.user_for(role)) as client:
        for uri, body in ((GPU, WISH), (CONTROL, {"SetPoint": 900})):
            assert message(await client.patch(uri, json=body))[:2] == (403, "InsufficientPrivilege")
    assert controller.commands == []


async def test_a_limit_goes_all_the_way_to_an_emulated_tray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKWRIGHT_ADMIN_PASSWORD", PASSWORD)
    ensure_admin(tmp_path)
    control = f"{R}/Chassis/k01-u11/Controls/gpu0.power_limit"
    async with whole_rack(tmp_path) as whole:
        trusted = ssl.create_default_context(cafile=str(whole.trusted))
        async with httpx.AsyncClient(
            base_url=whole.url, auth=("admin", PASSWORD), verify=trusted, timeout=30
        ) as client:
            async with asyncio.timeout(30):
                while not (before := (await client.get(control)).json()).get("AllowableMax"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            low, high = before["AllowableMin"], before["AllowableMax"]
            done = await client.patch(control, json={"SetPoint": low + 100})
            assert (done.status_code, done.json().get("SetPoint")) == (200, low + 100), done.text
            assert message(await client.patch(control, json={"SetPoint": high + 1}))[:2] == (
                400,
                "PropertyValueOutOfRange",
            )
        place = "lab1/a/r01/k01/u11"
        rows = msgspec.json.decode(await whole.rack.ask("limits"), type=list[LimitRow])
        point = next(row.wanted for row in rows if row.place == f"{place}/gpu0")
        assert point is not None
        assert (point.value, point.state, point.by) == (low + 100, LimitState.APPLIED, "admin")
