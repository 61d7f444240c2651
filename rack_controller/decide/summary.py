"""How an operation went, in one line an operator can act on.  Pure."""

from firmware_bridge.vocabulary.place import Place, leaf_of
from rack_controller.model.operation import Operation, Step, StepState

TOLD = 4
_LEFT = {
    StepState.WAITING: "not begun",
    StepState.ACTING: "under way",
    StepState.SETTLING: "settling",
    StepState.CANCELLED: "cancelled",
}


def summarise(operation: Operation, why: str = "") -> str:
    """Return e.g. `17 of 18; u12: refuses on, 409, in state powering off`; `why`: what ended it besides its steps."""
    steps = operation.plan.steps
    done = sum(operation.progress(s.id).state is StepState.DONE for s in steps)
    said = [f"{done} of {len(steps)}"] if steps else ["nothing to do"]
    if operation.plan.already:
        said[0] += f" ({len(operation.plan.already)} were as wanted before)"
    if operation.plan.left_out:
        said.append(f"left out: {', '.join(leaf_of(Place(tray)) for tray in operation.plan.left_out)}")
    bad = [s for s in steps if operation.progress(s.id).state in (StepState.FAILED, StepState.HELD)]
    said += [_told(operation, step) for step in bad[:TOLD]]
    if len(bad) > TOLD:
        said.append(f"and {len(bad) - TOLD} more")
    if why:
        said.append(why)
    said += _left(operation, steps)
    return "; ".join(said)


def _told(operation: Operation, step: Step) -> str:
    progress = operation.progress(step.id)
    held = "held, " if progress.state is StepState.HELD else ""
    return f"{leaf_of(Place(step.tray))}: {held}{progress.why or 'no reason given'}"


def _left(operation: Operation, steps: list[Step]) -> list[str]:
    states = [operation.progress(s.id).state for s in steps]
    return [f"{states.count(state)} {word}" for state, word in _LEFT.items() if state in states]
