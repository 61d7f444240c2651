"""Tells whoever runs a job that it must end, at once and not with the next tick, and says when that was taken.

It is an event as every other: webhooks and schedulers hear it by the bus.  Who waits for it does so for a moment only.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from rack_controller.decide.interlock import Key, Order
from rack_controller.decide.notice import Finding

Publish = Callable[[Finding], Awaitable[object] | None]
"""Enters an event at once; what it returns ends when the bus has taken it, None where nobody would take it now."""


@dataclass(slots=True)
class JobTeller:
    """One rack's.  `publish` is where events go at once."""

    say: Callable[[Finding], object]
    publish: Publish | None = None
    _telling: "dict[Key, asyncio.Future[object]]" = field(default_factory=dict)

    def tell(self, order: Order, finding: Finding) -> None:
        """Tell of an order to stop a job."""
        if self.publish is None:
            self.say(finding)
            return
        taken = self.publish(finding)
        if taken is not None:
            telling = asyncio.ensure_future(taken)
            self._telling[order.cause, order.place] = telling
            telling.add_done_callback(lambda done: self._over(order, done))

    def pending(self, order: Order) -> "asyncio.Future[object] | None":
        """Return what ends when the job of an order's cause and place was told, None where nothing is."""
        return self._telling.get((order.cause, order.place))

    def _over(self, order: Order, done: "asyncio.Future[object]") -> None:
        if not done.cancelled():
            done.exception()  # a bus that failed is no reason to wait, and none to fail
        if self._telling.get((order.cause, order.place)) is done:
            del self._telling[order.cause, order.place]
