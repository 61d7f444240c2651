"""Acceptance runs of real racks as they are sealed, without anybody having done them."""

import hashlib
import time
from pathlib import Path

from firmware_bridge.wire.located_yaml import parse
from rack_controller.acceptance.begin import PLAN
from rack_controller.acceptance.record import RunRecord, StepRecord
from rack_controller.acceptance.run import FOLDER, RunFolder
from rack_controller.prove.accept.evidence import Evidence
from rack_controller.prove.accept.plan import Level, StepSpec, plan_of
from rack_controller.prove.accept.verdict import Measured, Outcome
from rack_controller.prove.keys import Signer
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

LEVELS = ("L10", "L11", "L12")


def sealed_run(
    state: Path,
    rack: str,
    outcome: Outcome = Outcome.PASS,
    *,
    level: str = "L12",
    rig: str = "live",
    began_unix_ns: int | None = None,
    run: str = "",
    signer: Signer | None = None,
    series: dict[str, Evidence] | None = None,
    generation: str = "gb200-nvl72",
    plan: str = "",
    accepts: bool = True,
) -> RunFolder:
    """Seal a run of a rack up to a level, with a step of each; `series`: what was read, by the id of its step; `plan`:
    the whole text of its plan, which it keeps."""
    began = time.time_ns() - 3_600 * 10**9 if began_unix_ns is None else began_unix_ns
    name = run or f"{rack.rpartition('/')[2]}-{began % 10**12:012d}"
    folder = RunFolder(state / FOLDER / name)
    folder.path.mkdir(parents=True)
    called, digest = "short", "ab" * 32
    if plan:
        (folder.path / PLAN).write_text(plan)
        called, digest = plan_of(parse(plan, PLAN)).name, hashlib.sha256(plan.encode()).hexdigest()
    record = RunRecord(1, name, rack, generation, called, digest, level, rig, {}, "test", began)
    steps = [_step(at.lower(), at, outcome) for at in LEVELS[: LEVELS.index(level) + 1]]
    for step, evidence in (series or {}).items():
        kept = folder.keep_raw(StepSpec(step, step, Level.L11, []), evidence, 1)
        steps.append(_step(step, "L11", outcome, kept))
    record = RunRecord(
        **{n: getattr(record, n) for n in record.__struct_fields__}
        | {"steps": steps, "outcome": outcome, "accepts": accepts}
    )
    folder.write(record)
    folder.finish(record, {}, signer or SigningKeys(state / KEYS).signer())
    return folder


def _step(name: str, level: str, outcome: Outcome, raw: tuple[str, str] = ("", "")) -> StepRecord:
    measured = Measured("m", "It holds", outcome, 1, "", 1.0, 2.0, "W", "a test", 0.99, [])
    return StepRecord(name, name, level, True, outcome, 0.0, 60.0, 1, [measured], raw=raw[0], raw_sha256=raw[1])


def flip(path: Path, at: int = -20) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))
