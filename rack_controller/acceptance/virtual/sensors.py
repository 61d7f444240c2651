"""What instruments show of the truth: gain, offset, noise, an update period, and what is wrong with one of them."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from firmware_bridge.generations.instruments import Instrument
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.virtual.made import CUT, index_of, named
from rack_controller.acceptance.virtual.occasions import Mask
from rack_controller.acceptance.virtual.recipe import Change, Planted, Recipe
from rack_controller.prove.accept.evidence import Array
from rack_controller.prove.accept.parts import Parts

HOUR_S = 3600.0
SPIKE = 1.5
AGAIN_S = 20.0
"""What was not stuck for so long sticks anew where it is then."""


class Sensors:
    """The instruments of R racks.  `read` takes the truth at a moment and returns what they show."""

    def __init__(
        self,
        parts: Parts,
        recipe: Recipe,
        racks: int,
        seed: int,
        faults: Sequence[Planted | None],
        in_force: Callable[[int, Change], Mask],
    ) -> None:
        """Draw each instrument's gain and offset; `faults` are planted, one a rack, where they are `in_force`."""
        self._in_force = in_force
        self._specs, self._parts = recipe.instruments, parts
        self._gain: dict[str, Array | None] = {}
        self._offset: dict[str, Array | None] = {}
        self._shown: dict[str, tuple[float, Array]] = {}
        self._dice = np.random.default_rng((seed, 3))
        for name, spec in recipe.instruments.items():
            size = (racks, len(parts.of(name.partition(".")[0])))
            dice = np.random.default_rng((seed, 2, named(name)))
            self._gain[name] = 1.0 + _drawn(dice, spec.gain, size) if spec.gain else None
            self._offset[name] = _drawn(dice, spec.offset, size) if spec.offset else None
        self._wrong: dict[str, list[tuple[int, list[int], Change]]] = {}
        self._held: dict[tuple[str, int, int], tuple[float, Array]] = {}
        self._lagging: dict[tuple[str, int, int], tuple[float, Array]] = {}
        self._luck = np.random.default_rng((seed, 8))
        for rack, fault in enumerate(faults):
            for change in fault.changes if fault else ():
                if change.sensor:
                    self._plant(rack, change)
                elif change.swap == "reports":
                    self._swap_reports(rack, change)

    def read(self, truth: Mapping[str, Array], now: float, kinds: frozenset[str]) -> dict[str, Array]:
        """Return what every instrument of these kinds shows at `now`, (R, P) each; a value holds for its period."""
        shown: dict[str, Array] = {}
        for name, spec in self._specs.items():
            if name not in truth or name.partition(".")[0] not in kinds:
                continue
            at, value = self._shown.get(name, (-np.inf, None))
            if value is None or now - at >= spec.period_s - 1e-6:
                at, value = now, self._measure(name, spec, truth, now)
                self._shown[name] = (at, value)
            shown[name] = value
        return shown

    def _measure(self, name: str, spec: Instrument, truth: Mapping[str, Array], now: float) -> Array:
        value = np.array(truth[name], dtype=np.float64)
        wrong = self._wrong_now(name)
        for rack, columns, change in wrong:
            self._feels(name, value, truth, rack, columns, change)
        gain, offset = self._gain[name], self._offset[name]
        if gain is not None:
            value *= gain
        if offset is not None:
            value += offset
        for rack, columns, change in wrong:
            if change.swap:
                value[rack, columns] = value[rack, columns[::-1]]
                continue
            factor = change.times * (1.0 + change.drift_per_h * now / HOUR_S)
            value[rack, columns] = value[rack, columns] * factor + change.plus
            if change.lag_s:
                value[rack, columns] = self._late((name, rack, id(change)), change, value[rack, columns], now)
        noise: Array | None = None
        if spec.noise or spec.noise_share:
            noise = self._dice.standard_normal(value.shape, dtype=np.float32).astype(np.float64)
            noise *= spec.noise + spec.noise_share * np.abs(value) if spec.noise_share else spec.noise
            for rack, columns, change in wrong:
                noise[rack, columns] *= change.noisy
            value += noise
        for rack, columns, change in wrong:
            if not change.swap:
                which = (name, rack, id(change))
                value[rack, columns] = self._shows(which, change, value[rack, columns], now)
        return value

    def _wrong_now(self, name: str) -> list[tuple[int, list[int], Change]]:
        """Return what is wrong with a series' instruments at this moment: rack, columns and how."""
        found = []
        for rack, columns, change in self._wrong.get(name, ()):
            force = self._in_force(rack, change)
            if change.swap or force.all():
                found.append((rack, columns, change))
            elif force.any():
                found.append((rack, [c for c, now in zip(columns, force, strict=True) if now], change))
        return found

    def _feels(
        self, name: str, value: Array, truth: Mapping[str, Array], rack: int, columns: list[int], change: Change
    ) -> None:
        """Let an instrument be at another part, or of another quantity, than it says it is."""
        if change.shows:
            value[rack, columns] = truth[change.shows][rack, columns]
        if change.other:
            there = truth[change.shows or name][rack, index_of(self._parts, name.partition(".")[0], change.other)]
            value[rack, columns] = value[rack, columns] + change.mixes * there if change.mixes else there

    def _late(self, which: tuple[str, int, int], change: Change, value: Array, now: float) -> Array:
        since, held = self._lagging.get(which, (now, value))
        held = held if held.shape == value.shape else value
        value = value + (held - value) * np.exp(-(now - since) / change.lag_s)
        self._lagging[which] = (now, value)
        return value

    def _shows(self, which: tuple[str, int, int], change: Change, value: Array, now: float) -> Array:
        """Return what a broken instrument makes of what it should show."""
        if change.stuck:
            since, held = self._held.get(which, (-np.inf, value))
            again = change.when is not None and now - since > AGAIN_S  # it was free in between
            value = value.copy() if again or held.shape != value.shape else held
            self._held[which] = (now, value)
        if change.period_s:
            since, held = self._held.setdefault(which, (now, value.copy()))
            if now - since >= change.period_s:
                self._held[which] = (now, value.copy())
            else:
                value = held
        if change.holds:
            held = self._held.get(which, (now, value))[1]
            value = np.fmax(value, held)
            self._held[which] = (now, value)
        value = _as_told(change, value)
        if change.spiky:
            value = np.where(self._luck.random(value.shape) < change.spiky, SPIKE * value, value)
        if change.flaky:
            value = np.where(self._luck.random(value.shape) < change.flaky, np.nan, value)
        return np.full_like(value, np.nan) if change.dead else value

    def _swap_reports(self, rack: int, change: Change) -> None:
        """Let everything that is read of one tray be shown as the other's."""
        for name in self._specs:
            places = self._parts.of(name.partition(".")[0])
            one, other = ([n for n, p in enumerate(places) if p.partition("/")[0] == tray] for tray in change.at)
            if one and len(one) == len(other):
                self._wrong.setdefault(name, []).append((rack, [*one, *reversed(other)], change))

    def _plant(self, rack: int, change: Change) -> None:
        if change.sensor not in self._specs:
            known = ", ".join(self._specs)
            raise ConfigurationError(f"no instrument {change.sensor!r}", advice=f"known are {known}")
        places = self._parts.of(change.sensor.partition(".")[0])
        for place in change.at:
            if place not in places:
                raise ConfigurationError(f"no {change.sensor} at {place!r}", advice=f"such as {', '.join(places[:3])}")
        columns = [places.index(p) for p in change.at]
        self._wrong.setdefault(change.sensor, []).append((rack, columns, change))


def _as_told(change: Change, value: Array) -> Array:
    """Return a reading as an instrument's last stage tells it: in coarse steps, within its span, up to its width."""
    if change.step:
        value = np.round(value / change.step) * change.step
    if change.least is not None or change.most is not None:
        value = np.clip(value, change.least, change.most)
    if change.wraps:
        value = value % change.wraps
    if change.to is not None and not change.other:
        value = np.full_like(value, float(change.to))
    return value


def _drawn(dice: np.random.Generator, width: float, size: tuple[int, int]) -> Array:
    return np.clip(dice.standard_normal(size), -CUT, CUT) * width
