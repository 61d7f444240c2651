"""Drawings as SVG of our own, for paper and screen alike: plain attributes, no styles and no scripts.  Pure.

Left: all parts over time as a band from the least to the most with their median, parts that matter as lines with their
names, limits dashed with their words.  Right, on the same scale: every part's own median, one dot each.
"""

import math
from dataclasses import replace
from html import escape

import numpy as np

from rack_controller.prove.accept.evidence import Array
from rack_controller.prove.report.exhibits import Drawing
from rack_controller.prove.report.written import figures, larger

WIDTH, HEIGHT = 720.0, 214.0
_LEFT, _TOP, _BOTTOM = 58.0, 26.0, 186.0
_ALONE_RIGHT, _RIGHT = 640.0, 470.0
_DOTS = (500.0, 640.0)
_MOST_POINTS = 420
INK, DIM, LINE, BAND, BAD, MARK, LIMIT, JUDGED = (
    *("#1b242c", "#5b6873", "#d9dfe4", "#b9cbd8", "#b3261e", "#1f6588", "#9a5b00", "#f1f4f6"),
)

_HALO = 'stroke="#ffffff" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'
"""Words on lines stay readable."""


def draw(drawing: Drawing, font: str = "inherit") -> str:
    """Return a drawing as an SVG document; `font` is the family that its words are set in."""
    drawing = _in_peoples_unit(drawing)
    scale = _Scale.of(drawing)
    right = _RIGHT if len(drawing.places) > 1 else _ALONE_RIGHT
    span = max(float(drawing.times[-1]) if len(drawing.times) else 1.0, 1e-9)
    body = [
        _spans(drawing, span, right),
        _grid(drawing, scale, right, span),
        _series(drawing, scale, right, span),
        _dots(drawing, scale) if len(drawing.places) > 1 else "",
        _limits(drawing, scale, right),
        _names(drawing, scale, right),
    ]
    label = escape(f"{drawing.title}, {drawing.unit}; {', '.join(drawing.marked)}", quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" font-family="{escape(font)}" '
        f'font-size="11.5" role="img" aria-label="{label}">{"".join(body)}</svg>'
    )


def _in_peoples_unit(drawing: Drawing) -> Drawing:
    """Return a drawing in the unit in which people read values of its size."""
    known = drawing.values[np.isfinite(drawing.values)]
    by, unit = larger(float(np.abs(known).max()) if known.size else 0.0, drawing.unit)
    limits = tuple((limit / by, words) for limit, words in drawing.limits)
    return replace(drawing, values=drawing.values / by, own=drawing.own / by, limits=limits, unit=unit)


class _Scale:
    """Values to heights, with the ticks of the axis."""

    def __init__(self, low: float, high: float) -> None:
        self.ticks = ticks(low, high)
        step = self.ticks[1] - self.ticks[0]
        self.low, self.high = min(low, self.ticks[0]), max(high, self.ticks[-1])
        self.digits = max(0, -math.floor(math.log10(step) + 1e-9))

    @classmethod
    def of(cls, drawing: Drawing) -> "_Scale":
        """Return the scale of a drawing: all that was read; limits too unless they are so far that nothing shows."""
        known = drawing.values[np.isfinite(drawing.values)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        room = max(high - low, 0.02 * max(abs(low), abs(high)), 1e-9)
        for limit, _ in drawing.limits:
            if low - 2.0 * room <= limit <= high + 2.0 * room:
                low, high = min(low, limit), max(high, limit)
        pad = 0.06 * max(high - low, 1e-9 + 0.01 * abs(high))
        return cls(low - pad, high + pad)

    def y(self, value: float) -> float:
        """Return the height of a value, held within the picture."""
        share = (value - self.low) / (self.high - self.low)
        return _BOTTOM - (_BOTTOM - _TOP) * min(max(share, 0.0), 1.0)

    def holds(self, value: float) -> bool:
        """Return whether a value lies within the picture."""
        return self.low <= value <= self.high


def ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Return round values between two, about as many as wanted, two at least."""
    span = max(high - low, 1e-12)
    rough = span / wanted
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(s * size for s in (1.0, 2.0, 2.5, 5.0, 10.0) if s * size >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    found = [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]
    return found if len(found) > 1 else [low, high]


def _spans(drawing: Drawing, span: float, right: float) -> str:
    if len(drawing.spans) > 12:
        return ""
    boxes = []
    for begin, end in drawing.spans:
        x, to = (_LEFT + (right - _LEFT) * min(max(t / span, 0.0), 1.0) for t in (begin, end))
        boxes.append(_box(x, _TOP, max(to - x, 1.0), _BOTTOM - _TOP, JUDGED))
    return "".join(boxes)


def _grid(drawing: Drawing, scale: _Scale, right: float, span: float) -> str:
    parts = [_text(_LEFT - 8, 13, drawing.unit if drawing.unit not in {"", "1"} else "", "end", DIM)]
    for tick in scale.ticks:
        y = scale.y(tick)
        parts.append(_line(_LEFT, y, right, y, LINE))
        if len(drawing.places) > 1:
            parts.append(_line(_DOTS[0], y, _DOTS[1], y, LINE))
        parts.append(_text(_LEFT - 8, y + 4, _tick(tick, scale.digits), "end", DIM))
    by, word = (60.0, "min") if span > 300 else (1.0, "s")
    for tick in ticks(0.0, span / by, 5):
        x = _LEFT + (right - _LEFT) * tick * by / span
        parts.append(_line(x, _BOTTOM, x, _BOTTOM + 4, DIM))
        parts.append(_text(x, _BOTTOM + 18, figures(tick), "middle", DIM))
    parts.append(_text(right + 4, _BOTTOM + 18, word, "start", DIM))
    if len(drawing.places) > 1:
        parts.append(_text(sum(_DOTS) / 2, _BOTTOM + 18, f"{len(drawing.places)} parts", "middle", DIM))
    return "".join(parts)


def _series(drawing: Drawing, scale: _Scale, right: float, span: float) -> str:
    x = _LEFT + (right - _LEFT) * drawing.times / span
    parts = []
    with np.errstate(invalid="ignore"):
        known = np.isfinite(drawing.values).any(axis=1)
    if len(drawing.places) > 1 and known.any():
        # What is out of bounds is drawn by itself: the band is what its peers do.
        apart = [p not in drawing.marked or not drawing.faulty for p in drawing.places]
        usual = drawing.values[known][:, apart] if any(apart) else drawing.values[known]
        parts.append(_band(x[known], usual, scale))
        parts.append(_polyline(x[known], np.nanmedian(drawing.values[known], axis=1), scale, DIM, 1.2))
    colour = BAD if drawing.faulty else MARK
    for place in reversed(drawing.marked):
        column = drawing.values[:, drawing.places.index(place)]
        parts.append(_polyline(x, column, scale, colour, 1.5))
    return "".join(parts)


def _band(x: Array, values: Array, scale: _Scale) -> str:
    some = np.isfinite(values).any(axis=1)
    if not some.any():
        return ""
    x, low, high = x[some], np.nanmin(values[some], axis=1), np.nanmax(values[some], axis=1)
    step = max(1, math.ceil(len(x) / _MOST_POINTS))
    edges = np.arange(0, len(x), step)
    low, high, x = np.minimum.reduceat(low, edges), np.maximum.reduceat(high, edges), x[edges]
    points = [f"{a:.1f},{scale.y(v):.1f}" for a, v in zip(x, high, strict=True)]
    points += [f"{a:.1f},{scale.y(v):.1f}" for a, v in zip(x[::-1], low[::-1], strict=True)]
    return f'<polygon points="{" ".join(points)}" fill="{BAND}" fill-opacity="0.55"/>'


def _polyline(x: Array, values: Array, scale: _Scale, colour: str, width: float) -> str:
    """Return a line that breaks where nothing is known."""
    step = max(1, math.ceil(len(x) / _MOST_POINTS))
    lines, run = [], []
    for at, value in zip([*x[::step], 0.0], [*values[::step], math.nan], strict=True):
        if math.isfinite(value):
            run.append(f"{at:.1f},{scale.y(float(value)):.1f}")
            continue
        if run:
            run = run if len(run) > 1 else [run[0], run[0]]
            lines.append(
                f'<polyline points="{" ".join(run)}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
                'stroke-linejoin="round" stroke-linecap="round"/>'
            )
        run = []
    return "".join(lines)


def _dots(drawing: Drawing, scale: _Scale) -> str:
    room = (_DOTS[1] - _DOTS[0]) / len(drawing.places)
    radius = min(max(room * 0.35, 1.0), 2.4)
    parts = []
    for number, (place, value) in enumerate(zip(drawing.places, drawing.own, strict=True)):
        if not math.isfinite(value) or not scale.holds(float(value)):
            continue
        marked = place in drawing.marked
        colour = (BAD if drawing.faulty else MARK) if marked else DIM
        x, y = _DOTS[0] + room * (number + 0.5), scale.y(float(value))
        size = radius + 1.4 if marked else radius
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" fill="{colour}"/>')
    return "".join(parts)


def _limits(drawing: Drawing, scale: _Scale, right: float) -> str:
    parts = []
    for limit, words in drawing.limits:
        said = f"{words} {figures(limit)}"
        if not scale.holds(limit):
            at = _TOP - 5 if limit > scale.high else _BOTTOM - 5
            parts.append(_text(right - 4, at, f"{said}, far off", "end", LIMIT))
            continue
        y = scale.y(limit)
        ends = [(_LEFT, right)] + ([_DOTS] if len(drawing.places) > 1 else [])
        parts += [_line(a, y, b, y, LIMIT, 'stroke-dasharray="5 3" stroke-width="1.3"') for a, b in ends]
        above = words != "at least"
        at = y - 4 if above and y > _TOP + 10 else y + 12
        parts.append(_text(_LEFT + 5, at, said, "start", LIMIT, _HALO))
    return "".join(parts)


def _names(drawing: Drawing, scale: _Scale, right: float) -> str:
    """Return the names of marked parts, at the right, not one on the other."""
    at = []
    for place in drawing.marked:
        value = float(drawing.own[drawing.places.index(place)])
        at.append((scale.y(value) if math.isfinite(value) else _BOTTOM, place))
    x = (_DOTS[1] if len(drawing.places) > 1 else right) + 7
    colour, parts, lowest = BAD if drawing.faulty else MARK, [], -math.inf
    for y, place in sorted(at):
        lowest = max(y + 4, lowest + 13)
        parts.append(_text(x, lowest, place, "start", colour, 'font-weight="bold"'))
    return "".join(parts)


def _tick(value: float, digits: int) -> str:
    return f"{value:z,.{digits}f}".replace(",", "\u202f").replace("-", "−")


def _text(x: float, y: float, said: str, anchor: str, colour: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" {more}>{escape(said)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>'


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
