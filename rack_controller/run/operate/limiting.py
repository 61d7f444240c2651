"""Power limits set as an operation: planned with every watt, one step for each endpoint, read back at its end.

A limit may be asked for twice: one that was not taken is asked for again while its step has time, and after a restart a
step is simply done again.  What a device refuses is not asked for again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import PowerDepth
from firmware_bridge.vocabulary.sequence import LIMITS, Again
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.limits import LimitWish
from rack_controller.decide.set_points import name_of
from rack_controller.model.lease import Direction, Facet
from rack_controller.model.limit import LimitState, SetPoint
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
    tries: Again = LIMITS

    async def plan(self, wish: LimitWish) -> Plan:
        """Return the plan for a wish.  Raises CommandRefused as `Limits.decided` does."""
        layout = self.limits.view.layout
        caps, raised = await self.limits.decided(wish)
        points = self.limits.points()
        by_endpoint: dict[Place, dict[str, float]] = {}
        for place, watts in sorted(caps.items()):
            by_endpoint.setdefault(points[place][0], {})[place] = float(watts)
        direction = Direction.NEUTRAL if raised else Direction.SAFE
        steps = [_step(endpoint, values, direction, self.tries) for endpoint, values in sorted(by_endpoint.items())]
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
        """Ask one endpoint for its limits and read them back, again and again while some are only not taken yet.

        Raises CommandRefused where one may not go up now.
        """
        told("is asked for its limits")
        wanted = {Place(place): watts for place, watts in step.limits.items()}
        clock = self.limits.clock
        until = clock.now() + step.within_s
        while True:
            done = await self.limits.set_now(wanted, operation.actor, tell=False)
            short = [point for point in done if point.state in _FELL_SHORT]
            refused = any(point.state is LimitState.REFUSED for point in short)
            if not short or refused or clock.now() + step.every_s > until:
                break
            told(f"{_said(short, done)}; asked again every {step.every_s:g} s")
            await clock.sleep_until(Seconds(clock.now() + step.every_s))
        self.limits.told(done, operation.actor)
        if operation.plan.limit is not None and operation.plan.limit.watts is None:
            self.limits.forget(done)
        if short:
            return StepEnd(StepState.FAILED, _said(short, done))
        return StepEnd(StepState.SETTLING, f"{len(done)} limits taken")


def _said(short: list[SetPoint], done: list[SetPoint]) -> str:
    first = f"{name_of(Place(short[0].place))}: {short[0].detail}"
    return f"{len(short)} of {len(done)} limits not taken; {first}"


def _step(endpoint: Place, values: dict[str, float], direction: Direction, again: Again) -> Step:
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
        within_s=again.within_s,
        every_s=again.every_s,
    )
