"""What keeps an operation from an endpoint besides leases: another change, quiet, somebody who works there."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from firmware_bridge.ports.telemetry import Sparing, TelemetrySource
from firmware_bridge.vocabulary.attention import Pacing
from firmware_bridge.vocabulary.errors import PreconditionFailed
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.lease import Direction
from rack_controller.run.operate.switches import supply_at
from rack_controller.run.turns import Turns


@dataclass(slots=True)
class Obstacles:
    """`maintenance(place)` says who works on an endpoint, empty when nobody does."""

    sources: Mapping[Place, TelemetrySource] = field(default_factory=dict)
    turns: Turns = field(default_factory=Turns)
    maintenance: Callable[[Place], str] = field(default=lambda _place: "")

    @contextmanager
    def passed(self, endpoint: Place, direction: Direction, what: str, *, even_quiet: bool = False) -> Iterator[None]:
        """Have an endpoint to oneself while the block runs.  Raises CommandRefused with what is in the way.

        A power supply is asked at its shelf's endpoint.  `even_quiet`: it is left alone for the sake of whoever asks.
        """
        supply = supply_at(self.sources, endpoint)
        endpoint = endpoint if supply is None else supply[0]
        source: object = self.sources.get(endpoint)
        if not even_quiet and isinstance(source, Sparing) and source.attention.pacing is Pacing.QUIET:
            raise PreconditionFailed(f"{endpoint} is left alone now: {source.attention.reason}", advice="wait")
        if direction is Direction.ENERGISED:
            self._check_maintenance(tray_of(endpoint))
        with self.turns.take(endpoint, what):
            yield

    def spare(self, endpoint: Place, seconds: Seconds, reason: str) -> None:
        """Leave an endpoint alone for so long, where it can be; 0 ends that."""
        source: object = self.sources.get(endpoint)
        if isinstance(source, Sparing):
            source.be_quiet(seconds, reason)

    def works_on(self, tray: Place) -> str:
        """Return who works on a tray, empty when nobody does."""
        return next((who for p in self.sources if tray_of(p) == tray and (who := self.maintenance(p))), "")

    def _check_maintenance(self, tray: Place) -> None:
        if who := self.works_on(tray):
            raise PreconditionFailed(f"{leaf_of(tray)} is under maintenance: {who}", advice="end it first")
