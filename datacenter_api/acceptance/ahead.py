"""What an acceptance run would do and what its racks lack for it, before it is begun.  Keeps and changes nothing.

Everything here reads files: call it off the event loop.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import msgspec

from datacenter_api.fleet.queries import ReadingRow
from firmware_bridge.installation import own_generations
from rack_controller.acceptance.came_before import came_before
from rack_controller.acceptance.emulated_floor import logged_at
from rack_controller.acceptance.left_out import left_out
from rack_controller.acceptance.live import Read
from rack_controller.acceptance.one_run import holding
from rack_controller.acceptance.plans import plan_path
from rack_controller.acceptance.preview import RunPreview, Told, form, noted_kinds, preview, preview_together
from rack_controller.acceptance.took_before import took_before
from rack_controller.prove.accept.plan import Plan


def plan_file(state: Path, generation: str, plan: str) -> Path | None:
    """Return the file of one of a generation's further plans, None for its whole one.  Raises ConfigurationError."""
    return plan_path(generation, own_generations(state), plan) if plan else None


def preview_of(
    state: Path,
    generation: str,
    level: str,
    plan: str = "",
    rack: str = "",
    rows: Sequence[ReadingRow] = (),
    plan_text: str = "",
    switched: Collection[str] = (),
) -> RunPreview:
    """Return what a run would do; of `rack`, which has these readings, what it lacks as well, and which run has it.

    `switched`: the shelves and supplies below the rack that the product can switch.

    Raises ConfigurationError and FileInvalid for a generation or a plan that nobody can begin with.
    """
    file, own = plan_file(state, generation, plan), own_generations(state)
    if not rack:
        return preview(generation, level, file, plan_text=plan_text, search=own)
    noted, logged = noted_kinds(state, rack), logged_at(state, rack)
    found = preview(generation, level, file, _reads(rack, rows), noted, plan_text, logged, switched, own)
    return _of_racks(state, found, [rack])


def preview_of_racks(
    state: Path,
    generation: str,
    racks: Mapping[str, Sequence[ReadingRow]],
    plan: str = "",
    plan_text: str = "",
    switched: Mapping[str, Collection[str]] | None = None,
) -> RunPreview:
    """Return what a run of racks together would do, what each of them, with its readings, lacks, and who has it.

    Raises what `preview_of` raises.
    """
    told = {
        rack: Told(_reads(rack, rows), noted_kinds(state, rack), logged_at(state, rack), (switched or {}).get(rack, ()))
        for rack, rows in racks.items()
    }

    def held(rack: str, found: Plan, digest: str) -> str:
        return came_before(state, rack, generation, found, digest).why

    file, own = plan_file(state, generation, plan), own_generations(state)
    return _of_racks(state, preview_together(generation, told, file, plan_text, held, own), list(racks))


def form_of(
    state: Path,
    generation: str,
    level: str,
    plan: str,
    rack: str,
    rows: Sequence[ReadingRow],
    *,
    readings: bool = False,
) -> bytes:
    """Return the CSV that a plan wants of the floor of `rack`, which has these readings.  Raises as `preview_of`."""
    file, own = plan_file(state, generation, plan), own_generations(state)
    return form(generation, level, _reads(rack, rows), plan=file, readings=readings, search=own)


def _of_racks(state: Path, found: RunPreview, racks: Sequence[str]) -> RunPreview:
    """Return a preview with what other runs have to do with its racks, and how long their steps took."""
    before = took_before(state, found.generation, {s.id: s.done_sha256 for s in found.steps}, racks)
    seconds, words = before.seconds, before.words([s.id for s in found.steps])
    steps = [msgspec.structs.replace(s, took_s=seconds.get(s.id)) for s in found.steps]
    more = {"taken": holding(state, racks), "left": left_out(state, racks), "steps": steps, "took": words}
    return msgspec.structs.replace(found, **more)


def _reads(rack: str, rows: Sequence[ReadingRow]) -> list[Read]:
    return [
        Read(row.place.removeprefix(f"{rack}/"), row.quantity, row.value, row.unit, row.age_s or 0.0, row.reading_class)
        for row in rows
    ]
