"""NVOS read over real HTTPS: its ports, what it does with faults, and what it must never do with a login."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers import make_driver
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import ServedSystem, serve_nvos
from firmware_bridge.ports.enrolment import Examinable, Identified, Pinned
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.errors import (
    ConfigurationError,
    DeviceError,
    EndpointRefused,
    EndpointUnreachable,
    LoginRefused,
    ReplyMalformed,
    TrustRefused,
)
from firmware_bridge.vocabulary.generation import EndpointSpec, RequestLimits
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.vocabulary.settings import Question, SettingKind
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds

pytestmark = pytest.mark.asyncio


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def now(self) -> Seconds:
        return Seconds(self.at)

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds(int(self.at * 1e9))

    async def sleep_until(self, when: Seconds) -> None:
        raise AssertionError("a driver does not sleep")


def driver(
    served: ServedSystem, clock: Hands, credential: Credential | None = None, pin: str = "", **read: object
) -> TelemetrySource:
    limits = RequestLimits(timeout=Seconds(3.0), requests_per_second=1_000.0)
    spec = EndpointSpec("nvos", "nvue", "nvue/switch_tray", limits=limits, read=dict(read))
    endpoint = SiteEndpoint(join_place(served.tray, "nvos"), served.address, served.port, pin=pin or served.pin)
    return make_driver(spec, served.tray, endpoint, credential or served.credential, clock)


@asynccontextmanager
async def met(
    generation: str = "gb200-nvl72", faults: Iterable[Fault] = (), index: int = 0
) -> AsyncIterator[tuple[ServedSystem, TelemetrySource, Hands]]:
    async with serve_nvos(generation, index) as served:
        clock = Hands()
        source = driver(served, clock)
        try:
            await source.discover()
            served.faults.set(faults)
            yield served, source, clock
        finally:
            await source.close()


def by_key(readings: Iterable[Reading]) -> dict[tuple[str, Quantity], Reading]:
    return {(r.place.rsplit("/", 1)[-1], r.quantity): r for r in readings}


async def test_every_port_and_what_the_tray_says_in_sum() -> None:
    async with serve_nvos() as served:
        clock = Hands()
        source = driver(served, clock)
        series = {(s.place, s.quantity) for s in await source.discover()}
        assert len(series) == 144 * 3 + 16
        readings = [r for c in ReadingClass for r in await source.read(c)]
        assert {(r.place, r.quantity) for r in readings} == series
        assert all(r.quality is Quality.GOOD for r in readings)
        slot, at = served.tray.rsplit("/", 1)[-1], by_key(readings)
        assert (at[slot, Quantity.NVLINKS].value, at[slot, Quantity.NVLINKS_UP].value) == (144, 144)
        assert (at["acp1", Quantity.LINK].value, at["acp144", Quantity.BIT_ERROR_RATIO].value) == (1.0, 0.0)
        assert at[slot, Quantity.BIT_ERROR_RATIO_RAW].value == pytest.approx(3e-9)
        assert (at[slot, Quantity.FABRIC_MANAGER].value, at[slot, Quantity.PARTITION_GPUS].value) == (2.0, 72)
        assert (at["nvos", Quantity.HEALTH].value, at["nvos_leakage", Quantity.HEALTH].value) == (0.0, 0.0)
        assert 20 < (at["nvos_asic1", Quantity.TEMPERATURE].value or 0) < 90
        await source.close()


async def test_the_fabric_manager_runs_in_one_tray_only() -> None:
    async with met(index=3) as (served, source, _):
        at = by_key(await source.read(ReadingClass.SLOW))
        slot = served.tray.rsplit("/", 1)[-1]
        assert at[slot, Quantity.FABRIC_MANAGER].value == 0.0
        assert at[slot, Quantity.PARTITIONS].value == 0


async def test_ports_towards_another_rack_are_ports_as_well() -> None:
    async with met("orv3-hpr-nvl36x2") as (_, source, _clock):
        at = by_key(await source.read(ReadingClass.SLOW))
        assert at["sw72p1s1", Quantity.LINK].value == at["acp72", Quantity.LINK].value == 1.0
        assert ("acp73", Quantity.LINK) not in at


async def test_port_faults_show_at_their_port_and_in_the_sums() -> None:
    async with met() as (served, source, _clock):
        slot = served.tray.rsplit("/", 1)[-1]
        faults = (
            Fault(FaultKind.PORT_DOWN, f"*/{slot}/acp7"),
            Fault(FaultKind.HIGH_BER, f"*/{slot}/acp8", ratio=2e-8),
            Fault(FaultKind.FABRIC_MANAGER_DOWN, f"*/{slot}", level="warning"),
            Fault(FaultKind.LEAK, f"*/{slot}/leak2"),
        )
        served.bench.advance(60.0, faults)
        at = by_key(await source.read(ReadingClass.SLOW))
        assert (at["acp7", Quantity.LINK].value, at[slot, Quantity.NVLINKS_UP].value) == (0.0, 143)
        assert at["acp8", Quantity.BIT_ERROR_RATIO].value == pytest.approx(2e-8)
        assert (at["acp8", Quantity.NVLINK_RECOVERIES].value or 0) >= 5
        assert (at[slot, Quantity.LINK_DOWNED].value, at[slot, Quantity.FABRIC_MANAGER].value) == (1, 1.0)
        assert (at[slot, Quantity.SYMBOL_ERRORS].value or 0) > 0
        health = by_key(await source.read(ReadingClass.SAFETY))
        assert (health["nvos", Quantity.HEALTH].value, health["nvos_leakage", Quantity.HEALTH].value) == (1.0, 2.0)
        report = await source.report()
        assert {n.property: n.what for n in report.notes} == {
            "issues/nmx-controller": "not OK",
            "issues/LEAKAGE-3": "detected leakage",
            "link/diagnostics/2": "Negotiation failure",
        }
        assert report.endpoint["nvlink_ports_up"] == 143
        assert len([i for i in report.inventory if i.kind == "port"]) == 144


async def test_a_port_may_be_said_to_be_down_while_its_link_is_up() -> None:
    async with met() as (served, source, _clock):
        slot = served.tray.rsplit("/", 1)[-1]
        served.bench.advance(1.0, (Fault(FaultKind.PORT_DOWN, f"*/{slot}/acp7", level="warning"),))
        assert by_key(await source.read(ReadingClass.SLOW))["acp7", Quantity.LINK].value == 0.0
        assert served.bench.nvlinks.up.all()


async def test_it_is_asked_no_more_often_than_its_hints_say() -> None:
    async with met() as (served, source, clock):
        served.seen.clear()
        asked = []
        for _ in range(41):
            await source.read(ReadingClass.SAFETY)
            if (clock.at - 1_000.0) % 10 == 0:
                asked.append(by_key(await source.read(ReadingClass.SLOW)))
            clock.at += 1.0
        assert served.seen["/nvue_v1/system/health"] == 21
        assert served.seen["/nvue_v1/interface"] == 5
        assert [("acp1", Quantity.NVLINK_RECOVERIES) in readings for readings in asked] == [
            True,
            False,
            True,
            False,
            True,
        ]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(FaultKind.HTML), ReplyMalformed),
        (Fault(FaultKind.HALF_BODY), ReplyMalformed),
        (Fault(FaultKind.NESTED), ReplyMalformed),
        (Fault(FaultKind.RESET), EndpointUnreachable),
        (Fault(FaultKind.STATUS, status=401), LoginRefused),
        (Fault(FaultKind.STATUS, status=503), EndpointRefused),
        (Fault(FaultKind.REDIRECT), TrustRefused),
    ],
)
async def test_bad_answers_are_named_and_give_no_number(fault: Fault, error: type[Exception]) -> None:
    async with met(faults=[fault]) as (_, source, _clock):
        for reading_class in (ReadingClass.SAFETY, ReadingClass.SLOW):
            with pytest.raises(Exception) as caught:  # noqa: PT011 - the class is asserted below
                await source.read(reading_class)
            assert isinstance(caught.value, error) or "deep" in str(caught.value)


async def test_one_bad_path_costs_its_own_readings_only() -> None:
    async with met(faults=[Fault(FaultKind.HTML, uri="/nvue_v1/interface")]) as (served, source, _):
        at = by_key(await source.read(ReadingClass.SLOW))
        slot = served.tray.rsplit("/", 1)[-1]
        assert (at["acp1", Quantity.LINK].value, at["acp1", Quantity.LINK].quality) == (None, Quality.MISSING)
        assert at[slot, Quantity.NVLINKS_UP].value is None
        assert at[slot, Quantity.FABRIC_MANAGER].value == 2.0
        assert "not valid JSON" in source.faults["/interface"].detail


async def test_a_wrong_login_is_not_tried_for_ever() -> None:
    async with serve_nvos() as served:
        source = driver(served, Hands(), Credential("admin", "wrong"))
        for _ in range(5):
            with pytest.raises(LoginRefused, match="for user admin"):
                await source.discover()
        assert sum(served.seen.values()) == 2
        await source.close()


async def test_another_certificate_gets_no_login() -> None:
    async with serve_nvos() as served:
        source = driver(served, Hands(), pin="sha256//" + "A" * 43 + "=")
        with pytest.raises(TrustRefused):
            await source.discover()
        assert isinstance(source, Pinned)
        assert (await source.shown_certificate()).pin == served.pin != source.pin
        assert served.seen == {}
        await source.close()


async def test_a_firmware_that_shows_no_parts_is_asked_for_all() -> None:
    async with serve_nvos() as served:
        clock = Hands()
        source = driver(served, clock)
        served.faults.set([Fault(FaultKind.STATUS, uri="/nvue_v1/interface", status=400, times=1)])
        assert len(await source.discover()) == 144 * 3 + 16
        served.seen.clear()
        at = by_key(await source.read(ReadingClass.SLOW))
        assert served.seen["/nvue_v1/interface"] == 1
        assert at["acp1", Quantity.LINK].value == 1.0
        await source.close()


async def test_a_system_that_shows_no_port_yet_is_not_met_half() -> None:
    async with serve_nvos() as served:
        source = driver(served, Hands())
        served.faults.set([Fault(FaultKind.STATUS, uri="/nvue_v1/interface", status=400)])
        with pytest.raises(EndpointRefused):
            await source.discover()
        served.faults.set([])
        link = source.link  # type: ignore[attr-defined]
        whole = link.get_decoded

        async def empty(path: str, decoder: Callable[[bytes], Any], urgency: int = 1) -> Any:
            return decoder(b"{}") if path.startswith("/interface") else await whole(path, decoder, urgency)

        link.get_decoded = empty
        with pytest.raises(ReplyMalformed, match="no NVLink port yet"):
            await source.discover()
        await source.close()


async def test_ports_that_appear_later_are_told_and_those_that_vanish_unknown() -> None:
    async with met() as (served, source, _clock):
        state = source.state  # type: ignore[attr-defined]
        state.ports = (state.ports - {"acp9"}) | {"acp999"}
        state.wanted["/interface+"] += ((Place(f"{served.tray}/acp999"), Quantity.LINK),)
        at = by_key(await source.read(ReadingClass.SLOW))
        assert at["acp999", Quantity.LINK].value is None
        assert "ports that were not there before: 1 (acp9" in source.faults["/interface?new"].detail


async def test_many_at_once_do_not_meet() -> None:
    async with met() as (_, source, _clock):
        found = await asyncio.gather(source.read(ReadingClass.SAFETY), source.read(ReadingClass.SLOW), source.report())
        assert len(found[1]) > 432


@pytest.mark.parametrize("hint", [{"ports_s": 0}, {"ports_s": True}, {"often": 3}, {"health_s": "2"}])
async def test_hints_that_are_none_are_refused(hint: dict[str, object]) -> None:
    async with serve_nvos() as served:
        with pytest.raises(ConfigurationError, match=r"read\."):
            driver(served, Hands(), **hint)


WHERE = Question("place_tray_index", ("/nvue_v1/platform/chassis-location#/tray-index", "/nvue_v1/none#/x"))


async def test_it_says_which_tray_it_is_and_where_that_stands() -> None:
    async with met(index=3) as (served, source, _):
        assert isinstance(source, Identified)
        assert isinstance(source, Examinable)
        who = await source.identify()
        assert who.serial is not None
        assert who.serial.startswith("EMU-")
        assert who.model == "N5110_LD"
        examined = await source.examine([WHERE, Question("clock", ("/x#/y",), SettingKind.CLOCK)])
        assert examined.identity == who
        assert [f.value for f in examined.found["place_tray_index"]] == [3]
        assert examined.found["clock"] == ()
        with pytest.raises(EndpointRefused, match="nothing is written"):
            await source.set_value("/nvue_v1/system", "/x", 1)
        served.faults.set([Fault(FaultKind.STATUS, uri="/nvue_v1/platform", status=404)])
        with pytest.raises(DeviceError):
            await source.identify()


async def test_it_says_where_its_cable_is_plugged_in_and_where_it_was_plugged_instead() -> None:
    asked = [Question("place_neighbour", (), SettingKind.NEIGHBOURS)]
    async with met() as (served, source, _):
        assert isinstance(source, Examinable)
        (seen,) = (await source.examine(asked)).neighbours
        assert (str(seen), seen.at) == ("oob-k01 swp1", "eth0")
        served.faults.set([Fault(FaultKind.OTHER_NEIGHBOUR, text="oob-k02/swp30")])
        (seen,) = (await source.examine(asked)).neighbours
        assert str(seen) == "oob-k02 swp30"
        assert (await source.examine([])).neighbours == ()
