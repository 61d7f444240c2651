"""Shelves on serial lines judged while their rack runs: a swapped pair is told by itself, corrected, and told again."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from support.real_rack import RACK, RealRack, eventually, real_rack
from support.serial_line import PlainLine, plain_line

from firmware_bridge.generations.register_maps import load_register_map
from firmware_bridge.wire.modbus.register_map import RegisterMap
from rack_controller.model.readiness import Judgement, Readiness, Verdict

U06, U07 = f"{RACK}/u06/pmm", f"{RACK}/u07/pmm"
ADDRESSES = (0x20, 0x21, *range(0x90, 0x96), *range(0x9A, 0xA0))
MONITOR = dict.fromkeys(load_register_map("orv3-hpr-pmm-psu").readable, 0)
SUPPLY = dict.fromkeys(load_register_map("orv3-hpr-psu").readable, 0)


def narrow(name: str, search: Sequence[Path] = ()) -> RegisterMap:
    """Return a map whose family has the two shelves' addresses alone: a silent one costs 70 ms of everybody's time."""
    wide = load_register_map(name, search)
    return replace(wide, addresses=tuple((a, a) for a in range(0x20, 0xA0) if a in ADDRESSES and wide.covers(a)))


@pytest.fixture
def lines() -> Iterator[list[PlainLine]]:
    """Two lines, the lower shelf's units at the far end of the upper one's, and the other way round."""
    with ExitStack() as stack:
        lower, upper = (stack.enter_context(plain_line()) for _ in range(2))
        lower.units = {0x21: MONITOR} | {0x9A + n: SUPPLY for n in range(6)}
        upper.units = {0x20: MONITOR} | {0x90 + n: SUPPLY for n in range(6)}
        yield [lower, upper]


async def judgement(rack: RealRack, place: str) -> Judgement:
    assert (await rack.do("check", place)).accepted
    found = msgspec.json.decode(await rack.ask("readiness", place), type=Readiness)
    return next(j for j in found.judgements if j.name == "place_bus_address")


async def test_swapped_shelves_are_told_on_both_sides_and_agree_once_put_right(
    tmp_path: Path, lines: list[PlainLine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rack_controller.assemble.load_register_map", narrow)
    entries = "".join(f"- {{place: {place}, tty: {line.tty}}}\n" for place, line in zip((U06, U07), lines, strict=True))
    (tmp_path / "site.yaml").write_text(
        f"kind: site\nschema_version: 1\nsite: lab1\nracks:\n- {{place: {RACK}, generation: orv3-hpr-nvl36x2}}\n"
        f"endpoints:\n{entries}",
        encoding="utf-8",
    )
    async with real_rack(tmp_path, []) as rack:

        async def swapped() -> bool:
            told = {e.place: e.message for e in rack.events("place.mismatch")}
            return {U06, U07} <= told.keys() and all("the other way round" in text for text in told.values())

        async def all_answered() -> bool:
            """A unit that does not answer in time, on a busy machine, is looked for again."""
            found = await judgement(rack, U06)
            assert found.verdict is Verdict.DIFFERS
            return found.found == "0x21, 0x9a-0x9f" and "0x21, 0x9a-0x9f of u07 pmm" in found.why

        await eventually(swapped)  # nobody asked: it looks by itself
        await eventually(all_answered)
        status = await rack.status(U06)
        assert (status.ready, status.blocked_by) == ("blocked", ["place_bus_address"])

        lines[0].units, lines[1].units = lines[1].units, lines[0].units

        async def agrees() -> bool:
            return {(await judgement(rack, shelf)).verdict for shelf in (U06, U07)} == {Verdict.OK}

        await eventually(agrees)
        assert rack.events("place.agrees")
