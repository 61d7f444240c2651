"""What a run that has not ended does now, for `rackwright accept show RUN`: the line that the console has."""

from typing import TYPE_CHECKING

from datacenter_api.cli.output import Output, Row, answer

if TYPE_CHECKING:
    from rack_controller.acceptance.record import RunRecord
    from rack_controller.acceptance.run import RunFolder


def under_way(folder: "RunFolder", record: "RunRecord", shape: Output) -> Row:
    """Return `running` and `now` of a run without an outcome, and say them beside a table; nothing of one that ended.

    `now` is None between steps, and where no process goes on with the run: what it told last is no longer so.
    """
    import msgspec

    from datacenter_api.acceptance.doing import how_far, waiting
    from rack_controller.acceptance.one_run import goes_on
    from rack_controller.acceptance.progress import progress_of

    if record.outcome is not None:
        return {}
    running = goes_on(folder, record)
    now = progress_of(folder.path) if running else None
    if shape.is_table:
        if now is not None:
            lines = (f"please: {now.asks}" * bool(now.asks), f"{now.step}, {now.title}{waiting(now)}", how_far(now))
            for line in filter(None, lines):
                answer(line, shape)
        elif running:
            answer("running: between steps", shape)
        else:
            again = f"rackwright accept run --resume {record.id}" + " --virtual" * (record.rig == "virtual")
            answer(f"unfinished, and no process goes on with it: `{again}`", shape)
    return {"running": running, "now": msgspec.to_builtins(now)}
