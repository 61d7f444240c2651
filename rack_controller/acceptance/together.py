"""A rig of several racks that run: one live rig each, asked side by side, read at the same moments, named in refusals.

Nothing is decided here.  What is done to some racks and refused by another is undone at those at once, so that no rack
is left as it should not be while the rest of a step goes on.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from typing import TypeVar

from firmware_bridge.vocabulary.errors import CommandRefused, DeadlinePassed, RackwrightError
from rack_controller.acceptance.drive import AWAY
from rack_controller.acceptance.live import TAKEN_BACK, LiveRig, Now
from rack_controller.acceptance.rig import Act
from rack_controller.acceptance.watch_together import TogetherWatch
from rack_controller.prove.accept.evidence import Evidence, Phase

T = TypeVar("T")


class LiveRacks:
    """Racks of one generation that run, in lockstep.  `domains`: the name of each one's NVLink domain, by rack."""

    def __init__(self, rigs: Sequence[LiveRig], now: Now, watch: TogetherWatch, domains: Mapping[str, str]) -> None:
        """Each rack has a thread of its own, so that nothing is ever done to one rack twice at a time."""
        self._rigs, self._now, self._watch, self._domains = tuple(rigs), now, watch, dict(domains)
        self.racks = tuple(rack for rig in rigs for rack in rig.racks)
        self.parts = rigs[0].parts
        self._threads = [ThreadPoolExecutor(1, rack) for rack in self.racks]

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return self._now.clock()

    def can(self, verb: str) -> bool:
        """Return whether this stimulus can be given to every rack."""
        return all(rig.can(verb) for rig in self._rigs)

    def act(self, act: Act) -> float:
        """Give a stimulus to every rack at once.  Raises with the racks that refused it, each with its reason.

        A part of some racks that was taken away is put back where another rack refused.
        """
        done = self._all(lambda rig: rig.act(act))
        refused = {rack: err for rack, err in done.items() if isinstance(err, RackwrightError)}
        if not refused:
            return next(float(value) for value in done.values() if not isinstance(value, RackwrightError))
        texts = [f"{rack}: {err.what}" for rack, err in refused.items()]
        if act.place and act.verb in TAKEN_BACK:
            texts += self._put_back(Act(TAKEN_BACK[act.verb], act.place), set(self.racks) - set(refused))
        kind = DeadlinePassed if any(isinstance(e, DeadlinePassed) for e in refused.values()) else CommandRefused
        raise kind("; ".join(texts), advice=next(iter(refused.values())).advice)

    def run(self, seconds: float, every: float, kinds: frozenset[str]) -> None:
        """Let real time pass; one row of readings of every rack, of the same moment, every so many seconds."""
        end = self.now + seconds
        while self.now < end:
            began = self.now
            self._each(partial(LiveRig.read_row, at=began, kinds=kinds))
            self._now.sleep(max(min(every - (self.now - began), end - self.now), 0.0))

    def awaited(self, names: Collection[str] | None, since: float) -> str:
        """Return what is waited for at which racks until each place was read anew."""
        lacks = {rig.racks[0]: rig.awaited(names, since) for rig in self._rigs}
        return "; ".join(f"{rack}: {text}" for rack, text in lacks.items() if text)

    def recent(self, names: Collection[str], rows: int) -> list[Evidence]:
        """Return the last rows of some series, a rack each."""
        return [evidence for rig in self._rigs for evidence in rig.recent(names, rows)]

    def collect(
        self, phases: Sequence[Phase], told: Collection[str] = (), wanted: Collection[str] = ()
    ) -> list[Evidence]:
        """Return what was recorded, a rack each, with the racks of its NVLink domain that are under test with it."""
        found = [e for some in self._each(lambda rig: rig.collect(phases, told, wanted)) for e in some]
        return [replace(e, domain=self._domain_of(e.rack)) for e in found]

    def _domain_of(self, rack: str) -> tuple[str, ...]:
        name = self._domains.get(rack, "")
        return tuple(r for r in self.racks if self._domains.get(r, "") == name) if name else (rack,)

    def _put_back(self, undo: Act, racks: Collection[str]) -> list[str]:
        """Undo something at some racks; returns what stays undone there: rest tries it again, and tells."""
        back = self._all(lambda rig: rig.act(undo), racks)
        return [f"{rack}: not put back: {err.what}" for rack, err in back.items() if isinstance(err, RackwrightError)]

    def _each(self, do: Callable[[LiveRig], T]) -> list[T]:
        """Return what each rack gives.  Raises with the racks that give nothing, each with its reason."""
        done = self._all(do)
        bad = [f"{rack}: {err.what}" for rack, err in done.items() if isinstance(err, RackwrightError)]
        if bad:
            raise CommandRefused("; ".join(bad))
        return [value for value in done.values() if not isinstance(value, RackwrightError)]

    def _all(self, do: Callable[[LiveRig], T], racks: Collection[str] | None = None) -> dict[str, T | RackwrightError]:
        """Return what came of it at every rack, or at some, an error of the tree or what it gave.

        Raises what says nothing of a rack.  Whoever ends this process has nobody waited for any longer.
        """
        chosen = [n for n, rack in enumerate(self.racks) if racks is None or rack in racks]
        begun = {self.racks[n]: self._threads[n].submit(self._one, self._rigs[n], do) for n in chosen}
        try:
            done = {rack: future.result() for rack, future in begun.items()}
        except BaseException:
            with self._watch.interrupted():
                wait(begun.values())
            raise
        for result in done.values():
            if isinstance(result, AWAY):
                raise result
        return done

    def _one(self, rig: LiveRig, do: Callable[[LiveRig], T]) -> T | RackwrightError:
        try:
            return do(rig)
        except RackwrightError as err:
            return err
        finally:
            self._watch.done_at(rig.racks[0])
