"""Keeps a bug of ours from taking more than its own part of the guard: told aloud, and nothing is switched on."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.interlock import Decision, Key, Standing, advance
from rack_controller.decide.notice import Finding
from rack_controller.decide.picture import Picture
from rack_controller.model.event import Severity
from rack_controller.model.interlock import InterlockPolicy

_log = logging.getLogger(__name__)
KIND = "interlock.broken"


@dataclass(slots=True)
class Soundness:
    """What of one rack's guard is broken now, by part: `why` says it, empty while all of it works."""

    rack: Place
    say: Callable[[Finding], object]
    _broken: dict[str, str] = field(default_factory=dict)

    @property
    def why(self) -> str:
        """Return what is broken in operator's words, empty when nothing is."""
        return "; ".join(f"{part} cannot be judged ({text})" for part, text in self._broken.items())

    def failed(self, part: str, err: Exception) -> None:
        """Take a failure: logged whole and told when it is new."""
        text = type(err).__name__
        if self._broken.get(part) == text:
            return
        self._broken[part] = text
        _log.error("%s: %s cannot be judged", self.rack, part, exc_info=err)
        told = (
            f"a bug of the controller: {part} cannot be judged ({text}); nothing is switched on meanwhile, see its log"
        )
        self.say(Finding(self.rack, KIND, Severity.CRITICAL, told))

    def works(self, part: str) -> None:
        """Take that a part works."""
        if self._broken.pop(part, None) is not None:
            severity = Severity.WARNING if self._broken else Severity.OK
            self.say(Finding(self.rack, KIND, severity, f"{part} can be judged again"))

    def decide(self, standings: Mapping[Key, Standing], picture: Picture, policy: InterlockPolicy) -> Decision:
        """Return `advance`; a row that fails is left out, and what stands of it goes on standing."""
        try:
            decision = advance(standings, picture, policy)
        except Exception:  # noqa: BLE001 - found row by row, logged there
            return self._row_by_row(standings, picture, policy)
        for row in policy.rows:
            self.works(_name(row.cause))
        return decision

    def _row_by_row(self, standings: Mapping[Key, Standing], picture: Picture, policy: InterlockPolicy) -> Decision:
        rows = []
        for row in policy.rows:
            try:
                advance(standings, picture, msgspec.structs.replace(policy, rows=[row]))
            except Exception as err:  # noqa: BLE001 - told, and every other row is judged
                self.failed(_name(row.cause), err)
            else:
                self.works(_name(row.cause))
                rows.append(row)
        decision = advance(standings, picture, msgspec.structs.replace(policy, rows=rows))
        judged = {row.cause for row in rows}
        left = {key: s for key, s in standings.items() if s.cause not in judged}
        return Decision({**decision.standings, **left}, decision.orders, decision.tripped, decision.ended)


def _name(cause: str) -> str:
    return f"row {cause}"
