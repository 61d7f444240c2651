"""The third depth of off: no power reaches a rack's trays, because every shelf's output is off.  Pure.

One busbar feeds them all, so it is the whole rack or nothing; what else could feed the bus makes it no isolation.
"""

from collections.abc import Mapping, Sequence

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of
from firmware_bridge.vocabulary.power import PowerAction, PowerDepth
from firmware_bridge.vocabulary.sequence import Act
from rack_controller.decide.switch import Switch
from rack_controller.model.layout import Layout, TrayView
from rack_controller.model.lease import Direction
from rack_controller.model.operation import PlannedCheck, PlannedStage, Step

WITHIN_S = 30.0
"""How long a shelf may take to show that it is off.  Assumption, as where one is switched alone."""
SETTLE_S = 10.0
TIMEOUT_S = 900.0


def isolation(
    layout: Layout, whole: bool, outputs: Mapping[Place, Switch], checks: Sequence[PlannedCheck], busy: str
) -> PlannedStage:
    """Return the stage that switches every shelf's output off, once `checks` hold: every tray off and cool.

    `whole`: the wish is for all of the rack; `outputs`: by shelf, what switches it; `busy`: what is under way there.
    Raises ArgumentsInvalid with what cannot be isolated and what to do instead, or PreconditionFailed.
    """
    shelves = [t for t in layout.trays if t.kind == TrayKind.POWER_SHELF]
    if not whole:
        raise ArgumentsInvalid(
            f"one busbar feeds every tray of {layout.rack}: no tray of it is isolated alone",
            advice="--depth aux_off and pull it, or the whole rack with --depth isolated",
        )
    if fed := [leaf_of(Place(t.place)) for t in layout.trays if t.kind == TrayKind.BATTERY_SHELF]:
        raise ArgumentsInvalid(
            f"{layout.rack} is not isolated by its shelves: the batteries in {_named(fed)} go on feeding its busbar",
            advice="open the batteries' breakers at the rack, or ask the building for electrical isolation",
        )
    fixed = [leaf_of(Place(s.place)) for s in shelves if not _can(s, outputs)]
    if fixed or not shelves:
        raise ArgumentsInvalid(
            f"{layout.rack} cannot be isolated: {_named(fixed) or 'no shelf'} offers no way to switch its output off",
            advice="open the shelves' breakers at the rack, or ask the building for electrical isolation",
        )
    if busy:
        raise PreconditionFailed(busy, advice="wait for that, or cancel it")
    steps = [_step(shelf, outputs[Place(shelf.place)]) for shelf in shelves]
    title = "Busbar isolated: the shelves' outputs off"
    return PlannedStage("isolated", title, steps, before=list(checks), width=len(steps), timeout_s=TIMEOUT_S)


def _step(shelf: TrayView, switch: Switch) -> Step:
    return Step(
        id=f"isolated/{leaf_of(Place(shelf.place))}/off",
        tray=shelf.place,
        endpoint=switch.endpoint,
        goal="off",
        acts=[Act(PowerAction.FORCE_OFF, WITHIN_S)],
        direction=Direction.NEUTRAL,
        depth=PowerDepth.ISOLATED,
        settle_s=SETTLE_S,
    )


def _can(shelf: TrayView, outputs: Mapping[Place, Switch]) -> bool:
    switch = outputs.get(Place(shelf.place))
    return switch is not None and PowerAction.FORCE_OFF in switch.offers


def _named(names: Sequence[str]) -> str:
    return ", ".join(names)
