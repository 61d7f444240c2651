"""What people ask of the layers above single GPUs: module and tray limits, workload profiles, smoothing floors."""

from dataclasses import dataclass

import msgspec

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed
from firmware_bridge.vocabulary.place import Place, leaf_of
from rack_controller.model.command import Command
from rack_controller.model.power_layer import LayerKind, LayerWish
from rack_controller.run.budget.station import BudgetStation
from rack_controller.run.budget.telling import BudgetTelling


@dataclass(frozen=True, slots=True)
class Layering:
    """See the module.  A layer is kept by the budget, which sets GPUs' own limits by it once a policy is armed."""

    station: BudgetStation
    told: BudgetTelling

    async def layer(self, command: Command) -> dict[str, object]:
        """Set a layer over the target (a rack, a tray, a GPU), or clear those that were set there.

        Raises ArgumentsInvalid (unknown to the generation, out of range, a floor above a cap) and TargetUnknown.
        """
        said, target = command.arguments, str(command.target)
        do, kind = str(said.get("do", "")), str(said.get("kind", ""))
        if do == "clear":
            gone = self.station.book.lift(target, _kind(kind) if kind else None)
            words = ", ".join(wish.words for wish in gone)
            self.told.everywhere(f"{words} over {leaf_of(Place(target))} cleared by {command.actor}")
            return {"cleared": [wish.key for wish in gone]}
        if do != "set":
            raise ArgumentsInvalid(f"no layer verb {do!r}", advice="set or clear")
        if self.station.book.active is None:
            raise PreconditionFailed("no power policy is in force", advice="rackwright power policy apply FILE")
        wish = LayerWish(
            kind=_kind(kind),
            target=target,
            watts=float(said.get("watts", 0.0)),
            profile=str(said.get("profile", "")),
            by=command.actor,
            since_unix_ns=self.station.clock.unix_ns(),
        )
        self.station.check_layer(wish)
        self.station.book.lay(wish)
        self.told.everywhere(f"{wish.words} over {leaf_of(Place(target))}, set by {command.actor}")
        return {"layer": msgspec.to_builtins(wish)}


def _kind(said: str) -> LayerKind:
    try:
        return LayerKind(said)
    except ValueError as err:
        raise ArgumentsInvalid(f"no layer {said!r}", advice=f"one of {', '.join(LayerKind)}") from err
