"""Waivers of a run: one line each beside its record, sealed anew with every one; what was measured is never touched."""

from pathlib import Path

import msgspec

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, ConfigurationError, PreconditionFailed
from rack_controller.acceptance.kept import keep_together
from rack_controller.acceptance.record import RunRecord
from rack_controller.prove.keys import Signer
from rack_controller.prove.report.model import Waiver
from rack_controller.prove.run_files import WAIVERS
from rack_controller.prove.seal import SUFFIX, seal


def waivers_of(folder: Path) -> list[Waiver]:
    """Return every waiver of a run, the oldest first.  Raises ConfigurationError when they cannot be read."""
    try:
        lines = (folder / WAIVERS).read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Waiver) for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as err:
        raise ConfigurationError(f"{folder / WAIVERS} cannot be read: {err}", advice="restore it") from err


def add_waiver(folder: Path, record: RunRecord, waiver: Waiver, signer: Signer) -> list[Waiver]:
    """Keep a waiver of something that the run found, under a seal; return all of them.

    Raises ArgumentsInvalid where there is nothing to waive, PreconditionFailed where the same person has waived it for
    the same reason, EnvironmentUnfit when it cannot be kept.
    """
    if record.outcome is None:
        raise ArgumentsInvalid(f"run {record.id} has not ended", advice="waive what it found when it has")
    found = [(s.id, f.measure, f.place) for s in record.steps for f in s.findings]
    if not any(waiver.covers(*key) for key in found):
        here = sorted({f"{step} {measure}" for step, measure, _ in found if step == waiver.step}) or sorted(
            {step for step, _, _ in found}
        )
        what = " ".join(filter(None, (waiver.step, waiver.measure, waiver.place)))
        advice = f"it found: {', '.join(here[:12])}" if here else "it found nothing that could be waived"
        raise ArgumentsInvalid(f"the run did not find {what!r}", advice=advice)
    all_of_them: list[Waiver] = []

    def make() -> dict[str, bytes]:
        before = waivers_of(folder)
        if any(msgspec.structs.replace(w, at_unix_ns=waiver.at_unix_ns) == waiver for w in before):
            said = f"{waiver.actor} has taken that as it is already, for this reason"
            raise PreconditionFailed(said, advice="see the run's report; a waiver cannot be taken back")
        all_of_them.extend([*before, waiver])
        lines = [msgspec.json.encode(w) + b"\n" for w in all_of_them]
        about: dict[str, object] = {"kind": "waivers", "run": record.id, "rack": record.rack}
        names = [f"waiver {n} of {w.step}/{w.measure}" for n, w in enumerate(all_of_them, 1)]
        return {WAIVERS: b"".join(lines), WAIVERS + SUFFIX: seal(WAIVERS, lines, names, signer, about)}

    keep_together(folder, WAIVERS, make)
    return all_of_them
