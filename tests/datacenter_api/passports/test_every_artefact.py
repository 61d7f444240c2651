"""Whatever is signed here, altered in any byte, reordered or cut: `verify` says that, and which entry it is."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.as_built import RACK, csv_of, small_rack
from support.evaluated import six_racks
from support.sealed_runs import flip, sealed_run

from datacenter_api.cli.main import run
from datacenter_api.passports.decisions import DecisionDesk
from datacenter_api.passports.desk import PassportDesk
from rack_controller.acceptance.run import EVIDENCE
from rack_controller.prove.accept.evidence import Evidence, Phase, Series
from rack_controller.prove.match import Found
from rack_controller.prove.option import Firm, Offer
from rack_controller.prove.seal import SUFFIX, Opinion, Wrong, judge

KINDS = ("passport", "redacted passport", "csv", "redacted csv", "as accepted", "acceptance", "evaluation", "dossier")


@dataclass(frozen=True)
class Artefact:
    """A signed file with its seal, and the keys that are known."""

    name: str
    content: bytes
    seal: bytes
    keys: tuple[str, ...]

    def judged(self, content: bytes | None = None, seal: bytes | None = None) -> Opinion:
        whole = self.content if content is None else content
        return judge(self.name, whole, self.seal if seal is None else seal, self.keys)


@cache
def artefact(kind: str) -> Artefact:
    """Return one of each kind, made once."""
    state = Path(mkdtemp(prefix="rackwright-artefact-"))
    desk = PassportDesk(state)
    assert desk.take(csv_of(small_rack()), "f.csv", "ada").accepted
    made = _file(desk, kind)
    desk.close()
    return made


def _file(desk: PassportDesk, kind: str) -> Artefact:
    def of(name: str, content: bytes, seal: bytes) -> Artefact:
        return Artefact(name, content, seal, tuple(desk.keys.names()))

    if kind == "acceptance":
        folder = sealed_run(desk.state, RACK).path
        return of(EVIDENCE, *((folder / f"{EVIDENCE}{end}").read_bytes() for end in ("", SUFFIX)))
    if kind == "evaluation":
        folder = six_racks(desk.state)
        return of("sheets.jsonl", *((folder / f"sheets.jsonl{end}").read_bytes() for end in ("", SUFFIX)))
    if kind == "dossier":
        sealed_run(desk.state, RACK)
        day = datetime.now(UTC).date()
        offer = Offer("p", "P", Firm("M", ("mo",)), Firm("B", ("bea",)), (RACK,), day, day + timedelta(days=9))
        decisions = DecisionDesk(desk)
        decisions.offer(offer, "admin")
        made = decisions.dossier("p", [{"sequence": 1, "what": "option offer"}])
    elif kind == "as accepted":
        import pyarrow as pa

        nothing = pa.table({n: pa.array([], pa.string()) for n in ("place", "kind", "part", "serial")})
        row = desk.freeze(RACK, Found(nothing, frozenset(), ()), "ada", None)
        made = desk.as_accepted(RACK, row.sha256)
    else:
        made = desk.export(RACK, "csv" if "csv" in kind else "cyclonedx", redacted="redacted" in kind)
    return of(made.name, made.content, made.seal)


@pytest.mark.parametrize("kind", KINDS)
def test_as_it_was_signed_it_holds(kind: str) -> None:
    opinion = artefact(kind).judged()
    assert (opinion.faults, opinion.trusted) == ((), True)


@given(st.sampled_from(KINDS), st.data())
def test_any_byte_altered_is_found_in_its_entry(kind: str, data: st.DataObject) -> None:
    made = artefact(kind)
    at = data.draw(st.integers(0, len(made.content) - 1))
    changed = bytearray(made.content)
    changed[at] ^= data.draw(st.integers(1, 255))
    faults = made.judged(bytes(changed)).faults
    assert faults
    lines = made.content.splitlines(keepends=True)
    begins = np.cumsum([0, *map(len, lines)])
    line = int(np.searchsorted(begins, at, side="right")) - 1
    assert faults[0].begin <= begins[line + 1]
    assert any(f.begin <= at <= f.end for f in faults), (at, faults)
    assert all(f.file == made.name for f in faults)


@given(st.sampled_from(KINDS), st.data())
def test_any_byte_of_the_seal_altered_is_found(kind: str, data: st.DataObject) -> None:
    made = artefact(kind)
    at = data.draw(st.integers(0, len(made.seal) - 1))
    changed = bytearray(made.seal)
    changed[at] ^= data.draw(st.integers(1, 255))
    (fault, *_) = made.judged(seal=bytes(changed)).faults
    assert (fault.wrong, fault.file) == (Wrong.SEAL, made.name + SUFFIX)


@given(st.sampled_from(KINDS), st.data())
def test_two_entries_exchanged_are_told_as_reordered(kind: str, data: st.DataObject) -> None:
    made = artefact(kind)
    lines = made.content.splitlines(keepends=True)
    one, other = data.draw(st.lists(st.integers(0, len(lines) - 1), min_size=2, max_size=2, unique=True))
    if lines[one] == lines[other]:
        return
    lines[one], lines[other] = lines[other], lines[one]
    assert Wrong.REORDERED in {f.wrong for f in made.judged(b"".join(lines)).faults}


@given(st.sampled_from(KINDS), st.data())
def test_an_entry_taken_out_or_an_end_cut_off_is_told_as_cut(kind: str, data: st.DataObject) -> None:
    made = artefact(kind)
    lines = made.content.splitlines(keepends=True)
    gone = data.draw(st.integers(0, len(lines) - 1))
    faults = made.judged(b"".join(lines[:gone] + lines[gone + 1 :])).faults
    assert {f.wrong for f in faults} == {Wrong.CUT}
    assert len(faults) == 1
    short = data.draw(st.integers(0, len(made.content) - 1))
    assert Wrong.CUT in {f.wrong for f in made.judged(made.content[:short]).faults}


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_says_which(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = artefact(kind)
    file = tmp_path / made.name
    file.write_bytes(made.content)
    file.with_name(made.name + SUFFIX).write_bytes(made.seal)
    words = ["verify", str(file), "--key", made.keys[-1], "--state", str(tmp_path)]
    assert run(words) == 0
    flip(file, len(made.content) // 2)
    assert run(words) == 9
    assert f"altered: {made.name}, bytes " in capsys.readouterr().out


def test_raw_series_beside_a_run_are_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    volts = Series("rack.voltage", "V", ("rack",), np.ones(3), np.ones((3, 1)))
    read = Evidence("k01", {volts.name: volts}, (Phase("full", 0.0, 0.0, 2.0),))
    folder = sealed_run(tmp_path, RACK, series={"power": read, "soak": read}).path
    words = ["verify", str(folder / EVIDENCE), "--state", str(tmp_path)]
    assert run(words) == 0
    (folder / "raw-soak-1.npz").unlink()
    assert run(words) == 0
    assert "cut: raw-soak-1.npz: it is not here" in capsys.readouterr().out
    flip(folder / "raw-power-1.npz")
    assert run(words) == 9
    assert "altered: raw-power-1.npz" in capsys.readouterr().out
