"""Power limits set as an operation: planned with every watt, one step for each endpoint, read back at its end.

A limit may be asked for twice, so after a restart a step is simply done again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import PowerDepth
from rack_controller.decide.limits import LimitWish
from rack_controller.decide.set_points import name_of
from rack_controller.model.lease import Direction, Facet
from rack_controller.model.limit import LimitState
from rack_controller.model.operation import (
    Manner,
    Operation,
    Plan,
    PlannedLimit,
    PlannedStage,
    Step,
    StepState,
    Verb,
)
from rack_controller.run.limits import Limits
from rack_controller.run.operate.operations import StepEnd

AT_ONCE = 18
_FELL_SHORT = (LimitState.REFUSED, LimitState.REQUESTED)


@dataclass(frozen=True, slots=True)
class Limiting:
    """What sets the power limits of one rack."""

    limits: Limits

    async def plan(self, wish: LimitWish) -> Plan:
        """Return the plan for a wish.  Raises CommandRefused as `Limits.decided` does."""
        layout = self.limits.view.layout
        caps, raised = await self.limits.decided(wish)
        points = self.limits.points()
        by_endpoint: dict[Place, dict[str, float]] = {}
        for place, watts in sorted(caps.items()):
            by_endpoint.setdefault(points[place][0], {})[place] = float(watts)
        direction = Direction.NEUTRAL if raised else Direction.SAFE
        steps = [_step(endpoint, values, direction) for endpoint, values in sorted(by_endpoint.items())]
        title = "Power limits " + ("as the devices had them" if wish.watts is None else f"of {wish.watts:g} W")
        stage = PlannedStage("limits", title, steps, width=AT_ONCE, stops=False)
        return Plan(
            rack=layout.rack,
            generation=layout.generation,
            verb=Verb.LIMIT,
            target=wish.target,
            depth=PowerDepth.HOST_OFF,
            manner=Manner.FORCE,
            stages=[stage],
            already=[],
            charges={},
            usable_w=0.0,
            request_s=0.0,
            limit=PlannedLimit(wish.watts, wish.each),
        )

    async def again(self, plan: Plan) -> Plan:
        """Return what a plan would be if it was made now.  Raises as `plan` does."""
        wish = plan.limit or PlannedLimit(None)
        return await self.plan(LimitWish(Place(plan.target), wish.watts, wish.each))

    async def carry(self, operation: Operation, step: Step, told: Callable[[str], None]) -> StepEnd:
        """Ask one endpoint for its limits and read them back.  Raises CommandRefused where one may not go up now."""
        told("is asked for its limits")
        wanted = {Place(place): watts for place, watts in step.limits.items()}
        done = await self.limits.set_now(wanted, operation.actor)
        if operation.plan.limit is not None and operation.plan.limit.watts is None:
            self.limits.forget(done)
        short = [point for point in done if point.state in _FELL_SHORT]
        if short:
            first = f"{name_of(Place(short[0].place))}: {short[0].detail}"
            return StepEnd(StepState.FAILED, f"{len(short)} of {len(done)} limits not taken; {first}")
        return StepEnd(StepState.SETTLING, f"{len(done)} limits taken")


def _step(endpoint: Place, values: dict[str, float], direction: Direction) -> Step:
    tray = tray_of(endpoint)
    return Step(
        id=f"limit/{leaf_of(tray)}/{leaf_of(endpoint)}",
        tray=tray,
        endpoint=endpoint,
        goal="limited",
        acts=[],
        direction=direction,
        facet=Facet.POWER_LIMIT,
        limits=values,
    )
