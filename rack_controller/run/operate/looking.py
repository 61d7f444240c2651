"""Endpoints looked at anew, as an operation: planned, carried out one by one, and over when each was met or was not.

It writes nothing: after a restart a step is simply done again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import TargetUnknown
from firmware_bridge.vocabulary.place import TRAY_PARTS, Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import PowerDepth
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.layout import Layout
from rack_controller.model.lease import Direction, Facet
from rack_controller.model.operation import Manner, Operation, Plan, PlannedStage, Step, StepState, Verb
from rack_controller.run.collect import Collector
from rack_controller.run.operate.operations import StepEnd
from rack_controller.run.stock import Stock

WITHIN = Seconds(120.0)
"""How long an endpoint may take to be met: a whole look at one that is slow takes half a minute."""
LOOK_EVERY = Seconds(0.5)
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Looking:
    """What looks at the endpoints of one rack."""

    layout: Callable[[], Layout]
    collectors: Mapping[Place, Collector]
    stock: Stock
    clock: Clock

    def endpoints_in(self, target: str) -> list[Place]:
        """Return the endpoints at or below a rack, a tray or an endpoint.  Raises TargetUnknown."""
        chosen = [p for p in self.collectors if p == target or p.startswith(target + "/") or target == tray_of(p)]
        if not chosen:
            raise TargetUnknown(f"no endpoint at {target!r}", advice="see `rackwright endpoint list`")
        return chosen

    def begin(self, place: Place) -> None:
        """Have an endpoint looked at, and its stock taken, as soon as possible."""
        self.collectors[place].rescan()
        self.stock.refresh(place)

    def plan(self, target: Place) -> Plan:
        """Return the plan of a look.  Raises TargetUnknown."""
        layout = self.layout()
        steps = [
            Step(
                id=f"look/{_named(place)}",
                tray=tray_of(place),
                endpoint=place,
                goal="looked",
                acts=[],
                direction=Direction.NEUTRAL,
                facet=Facet.CONFIG,
            )
            for place in sorted(self.endpoints_in(target))
        ]
        stage = PlannedStage("look", "Endpoints looked at anew", steps, width=AT_ONCE, stops=False)
        return Plan(
            rack=layout.rack,
            generation=layout.generation,
            verb=Verb.RESCAN,
            target=target,
            depth=PowerDepth.HOST_OFF,
            manner=Manner.FORCE,
            stages=[stage],
            already=[],
            charges={},
            usable_w=0.0,
            request_s=0.0,
        )

    async def carry(self, _operation: Operation, step: Step, told: Callable[[str], None]) -> StepEnd:
        """Look at one endpoint and wait until that is done."""
        place, began = Place(step.endpoint), self.clock.now()
        if place not in self.collectors:
            return StepEnd(StepState.FAILED, "it is not read any more")
        self.begin(place)
        told("is being looked at")
        while self.clock.now() < began + WITHIN:
            await self.clock.sleep_until(Seconds(self.clock.now() + LOOK_EVERY))
            looked = self.collectors[place].looked
            if looked is not None and looked[0] >= began:
                return StepEnd(StepState.FAILED if looked[1] else StepState.SETTLING, looked[1] or "was met")
        return StepEnd(StepState.FAILED, f"was not met within {WITHIN:.0f} s")


def _named(place: Place) -> str:
    return f"{leaf_of(tray_of(place))}/{leaf_of(place)}" if len(place.split("/")) > TRAY_PARTS else leaf_of(place)
