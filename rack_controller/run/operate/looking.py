"""Endpoints looked at anew, as an operation: planned, carried out one by one, and over when each was met or was not.

It writes nothing: one that was not met is looked at again while its step has time, and after a restart a step is simply
done again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import TargetUnknown
from firmware_bridge.vocabulary.place import TRAY_PARTS, Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import PowerDepth
from firmware_bridge.vocabulary.sequence import LOOKS, Again
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.layout import Layout
from rack_controller.model.lease import Direction, Facet
from rack_controller.model.operation import Manner, Operation, Plan, PlannedStage, Step, StepState, Verb
from rack_controller.run.collect import Collector
from rack_controller.run.operate.operations import StepEnd
from rack_controller.run.stock import Stock

LOOK_EVERY = Seconds(0.5)
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Looking:
    """What looks at the endpoints of one rack."""

    layout: Callable[[], Layout]
    collectors: Mapping[Place, Collector]
    stock: Stock
    clock: Clock
    tries: Again = LOOKS

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
                within_s=self.tries.within_s,
                every_s=self.tries.every_s,
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
        """Look at one endpoint until it was met, again and again while its step has time."""
        place, until = Place(step.endpoint), Seconds(self.clock.now() + (step.within_s or self.tries.within_s))
        why = ""
        while self.clock.now() < until:
            if place not in self.collectors:
                return StepEnd(StepState.FAILED, "it is not read any more")
            began = self.clock.now()
            self.begin(place)
            told(f"{why}; looked at again" if why else "is being looked at")
            why = await self._looked(place, began, until)
            if not why:
                return StepEnd(StepState.SETTLING, "was met")
            await self.clock.sleep_until(min(until, Seconds(self.clock.now() + step.every_s)))
        return StepEnd(StepState.FAILED, why or f"was not met within {step.within_s:.0f} s")

    async def _looked(self, place: Place, began: Seconds, until: Seconds) -> str:
        """Wait until a look that was begun has ended; return why the endpoint was not met, empty when it was."""
        while self.clock.now() < until:
            await self.clock.sleep_until(Seconds(self.clock.now() + LOOK_EVERY))
            collector = self.collectors.get(place)
            looked = None if collector is None else collector.looked
            if looked is not None and looked[0] >= began:
                return looked[1]
        return f"was not met within {until - began:.0f} s"


def _named(place: Place) -> str:
    return f"{leaf_of(tray_of(place))}/{leaf_of(place)}" if len(place.split("/")) > TRAY_PARTS else leaf_of(place)
