"""An acceptance of one virtual rack, kept in a state directory: begun or gone on with."""

from collections.abc import Sequence
from pathlib import Path

from firmware_bridge.installation import own_generations
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.begin import FAULTS, TRACE, Wish, begin, kept_file, kept_plan
from rack_controller.acceptance.designs import design_of_run, gone_on_with
from rack_controller.acceptance.ending import keep_facts, seal_up
from rack_controller.acceptance.record import RunRecord
from rack_controller.acceptance.run import RunFolder, Told, go_on_together
from rack_controller.acceptance.virtual.batch import recorded_load
from rack_controller.acceptance.virtual.planting import planted_in
from rack_controller.acceptance.virtual.recipe import read_recipe
from rack_controller.acceptance.virtual.rig import VirtualRig


def accept(wish: Wish, state: Path, software: str, told: Told, actor: str = "cli") -> tuple[RunRecord, RunFolder]:
    """Begin an acceptance of a virtual rack and take it to its end in this process.  Raises what `begin` raises."""
    return resume(begin(wish, state, software, actor), state, told)


def resume(folder: RunFolder, state: Path, told: Told) -> tuple[RunRecord, RunFolder]:
    """Go on with a run where its folder says that it was; a run that has ended is only sealed."""
    record, where = folder.read(), folder.path
    if record.rig != "virtual":
        advice = f"go on with it by `rackwright accept run --resume {record.id}`, without --virtual"
        raise ConfigurationError(f"run {record.id} is of a rack that runs", advice=advice)
    plan = kept_plan(where, record)
    if record.outcome is not None:
        seal_up(folder, state)
        return record, folder
    trace = recorded_load(kept_file(where, TRACE))
    generation = design_of_run(record, state)
    record = gone_on_with(record, generation)
    fault = planted_in(record.planted, kept_file(where, FAULTS), generation, own_generations(state))
    rig = VirtualRig(generation, read_recipe(), [record.rack], record.seeds["made"], [fault], trace)

    def keeps(records: Sequence[RunRecord]) -> None:
        if records[0].outcome is not None:
            (evidence,) = rig.collect(())
            keep_facts(where, evidence.facts)

    (record,) = go_on_together([record], [folder], plan, rig, rig.parts, told, keeps=keeps)
    seal_up(folder, state)
    return record, folder
