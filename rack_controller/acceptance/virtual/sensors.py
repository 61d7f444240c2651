"""What instruments show of the truth: gain, offset, noise, an update period, and what is wrong with one of them."""

from collections.abc import Mapping, Sequence

import numpy as np

from firmware_bridge.generations.instruments import Instrument
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.virtual.made import CUT, named
from rack_controller.acceptance.virtual.recipe import Change, Planted, Recipe
from rack_controller.prove.accept.evidence import Array
from rack_controller.prove.accept.parts import Parts

HOUR_S = 3600.0
SPIKE = 1.5


class Sensors:
    """The instruments of R racks.  `read` takes the truth at a moment and returns what they show."""

    def __init__(self, parts: Parts, recipe: Recipe, racks: int, seed: int, faults: Sequence[Planted | None]) -> None:
        """Draw each instrument's gain and offset; `faults` are planted, one a rack."""
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
        self._held: dict[tuple[str, int], tuple[float, Array]] = {}
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
                at, value = now, self._measure(name, spec, truth[name], now)
                self._shown[name] = (at, value)
            shown[name] = value
        return shown

    def _measure(self, name: str, spec: Instrument, truth: Array, now: float) -> Array:
        value = np.array(truth, dtype=np.float64)
        gain, offset = self._gain[name], self._offset[name]
        if gain is not None:
            value *= gain
        if offset is not None:
            value += offset
        wrong = self._wrong.get(name, ())
        for rack, columns, change in wrong:
            if change.swap:
                value[rack, columns] = value[rack, columns[::-1]]
                continue
            factor = change.times * (1.0 + change.drift_per_h * now / HOUR_S)
            value[rack, columns] = value[rack, columns] * factor + change.plus
        noise: Array | None = None
        if spec.noise or spec.noise_share:
            noise = self._dice.standard_normal(value.shape, dtype=np.float32).astype(np.float64)
            noise *= spec.noise + spec.noise_share * np.abs(value) if spec.noise_share else spec.noise
            for rack, columns, change in wrong:
                noise[rack, columns] *= change.noisy
            value += noise
        for n, (rack, columns, change) in enumerate(wrong):
            if not change.swap:
                value[rack, columns] = self._shows((name, n), change, value[rack, columns], now)
        return value

    def _shows(self, which: tuple[str, int], change: Change, value: Array, now: float) -> Array:
        """Return what a broken instrument makes of what it should show."""
        if change.stuck:
            value = self._held.setdefault(which, (now, value.copy()))[1]
        if change.period_s:
            since, held = self._held.setdefault(which, (now, value.copy()))
            if now - since >= change.period_s:
                self._held[which] = (now, value.copy())
            else:
                value = held
        if change.to is not None:
            value = np.full_like(value, float(change.to))
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


def _drawn(dice: np.random.Generator, width: float, size: tuple[int, int]) -> Array:
    return np.clip(dice.standard_normal(size), -CUT, CUT) * width
