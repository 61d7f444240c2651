"""A chart as HTML and SVG of our own: band of least and most, line of means, gaps that stay gaps.  Pure.

The picture is stretched to its place, so words stand beside it in HTML; the script only moves the pointer's label.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from datacenter_api.console.scale import Axis, make_axis, time_ticks
from datacenter_api.console.traces import Trace, runs
from datacenter_api.console.wording import UNKNOWN, esc
from datacenter_api.history.question import Span

_WIDTH, _HEIGHT = 1_000.0, 100.0


@dataclass(frozen=True, slots=True)
class Chart:
    """What one chart shows.  `unit` is that of the numbers in `traces`; `note` stands beside the title."""

    title: str
    unit: str
    traces: tuple[Trace, ...]
    span: Span
    note: str = ""


def draw_chart(chart: Chart) -> str:
    """Return a chart; one about which nothing is known says so instead of showing an empty frame."""
    bounds = _bounds(chart.traces)
    if bounds is None:
        return (
            f'<figure class="chart empty"><figcaption><b>{esc(chart.title)}</b></figcaption>'
            f'<p class="quiet">{esc(chart.note or "no history in this time")}</p></figure>'
        )
    axis = make_axis(*bounds, chart.unit)
    shown = _for_pointer(chart, axis)
    return (
        f'<figure class="chart" data-chart="{esc(shown)}">{_caption(chart, axis)}<div class="plot">'
        f'<svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="{esc(_label(chart, axis))}">{_grid(chart, axis)}{_lines(chart, axis)}</svg>'
        f'{_ticks(chart, axis)}<i class="pointer" hidden></i><div class="tip" hidden></div></div></figure>'
    )


def _bounds(traces: Sequence[Trace]) -> tuple[float, float] | None:
    """Return the least and the most of what is drawn: of the band where there is one, else of the lines."""
    banded = len(traces) == 1
    lows = [trace.least if banded else trace.mean for trace in traces if len(trace.known)]
    highs = [trace.most if banded else trace.mean for trace in traces if len(trace.known)]
    if not lows:
        return None
    return min(float(np.nanmin(part)) for part in lows), max(float(np.nanmax(part)) for part in highs)


def _lines(chart: Chart, axis: Axis) -> str:
    step, drawn = chart.span.step_s, []
    x: NDArray[np.float64] = (np.arange(chart.span.buckets, dtype=np.float64) + 0.5) * (_WIDTH / chart.span.buckets)
    for number, trace in enumerate(chart.traces):
        for buckets, whole in runs(trace, step):
            word = f"s{number % 8}{'' if whole else ' part'}"
            if len(chart.traces) == 1:
                upper = _points(x[buckets], trace.most[buckets], axis)
                lower = _points(x[buckets][::-1], trace.least[buckets][::-1], axis)
                drawn.append(f'<polygon class="band {word}" points="{upper} {lower}"/>')
            points = _points(x[buckets], trace.mean[buckets], axis)
            # A single bucket between two gaps is a dot, or it would not be seen.
            points = f"{points} {points}" if len(buckets) == 1 else points
            drawn.append(f'<polyline class="mean {word}" points="{points}"/>')
    return "".join(drawn)


def _points(x: NDArray[np.float64], values: NDArray[np.float64], axis: Axis) -> str:
    return " ".join(
        f"{at:.1f},{_HEIGHT * (1 - axis.share(value)):.1f}"
        for at, value in zip(x.tolist(), values.tolist(), strict=True)
    )


def _grid(chart: Chart, axis: Axis) -> str:
    across = "".join(
        f'<line class="grid" x1="0" x2="{_WIDTH:.0f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        for tick in axis.ticks
        for y in (_HEIGHT * (1 - axis.share(tick)),)
    )
    up = "".join(
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{_HEIGHT:.0f}"/>'
        for at, _text in time_ticks(chart.span.from_s, chart.span.to_s)
        for x in (_WIDTH * _share_of(chart.span, at),)
    )
    return across + up


def _ticks(chart: Chart, axis: Axis) -> str:
    left = "".join(
        f'<span class="y" style="top:{100 * (1 - axis.share(tick)):.1f}%">{axis.text(tick)}</span>'
        for tick in axis.ticks
    )
    below = "".join(
        f'<span class="x" style="left:{100 * _share_of(chart.span, at):.1f}%">{text}</span>'
        for at, text in time_ticks(chart.span.from_s, chart.span.to_s)
    )
    return left + below


def _caption(chart: Chart, axis: Axis) -> str:
    last = "".join(_last(chart, axis, n) for n in range(len(chart.traces)))
    silent = [trace.name for trace in chart.traces if not len(trace.known)]
    said = f"{', '.join(silent)}: {UNKNOWN}" if len(silent) < len(chart.traces) else "nothing recorded in this time yet"
    none = f'<span class="quiet">{esc(said)}</span>' if silent else ""
    note = f'<span class="quiet">{esc(chart.note)}</span>' if chart.note else ""
    unit = f", {esc(axis.unit)}" if len(chart.traces) > 1 else ""
    return f"<figcaption><b>{esc(chart.title)}{unit}</b>{note}{last}{none}</figcaption>"


def _last(chart: Chart, axis: Axis, number: int) -> str:
    """Return a line's newest value, with its name where there are several lines."""
    trace = chart.traces[number]
    known = trace.known
    if not len(known):
        return ""
    newest = int(known[-1])
    many = len(chart.traces) > 1
    name = f'<i class="s{number % 8}"></i>{esc(trace.name)} ' if many else ""
    unit = "" if many else f" {esc(axis.unit)}"
    value = axis.text(float(trace.mean[newest]), 1)
    word = "last" if trace.whole[newest] else "last part"
    return f'<span class="{word}">{name}<b>{value}</b>{unit}{_how_old(chart, trace, newest)}</span>'


def _how_old(chart: Chart, trace: Trace, bucket: int) -> str:
    """Return since when nothing newer is known, as soon as that is longer than reading takes."""
    ended = chart.span.from_s + (bucket + 1) * chart.span.step_s
    if chart.span.to_s - ended <= trace.bridge_s:
        return ""
    return f' <span class="old">at {datetime.fromtimestamp(ended, UTC):%H:%M}</span>'


def _label(chart: Chart, axis: Axis) -> str:
    told = []
    for trace in chart.traces:
        known = trace.known
        name = f"{trace.name} " if len(chart.traces) > 1 else ""
        if len(known):
            numbers = (np.nanmin(trace.least), np.nanmax(trace.most), trace.mean[known[-1]])
            least, most, last = (axis.text(float(v), 1) for v in numbers)
            told.append(f"{name}least {least}, most {most}, last {last} {axis.unit}")
        else:
            told.append(f"{name}unknown")
    return f"{chart.title}: {'; '.join(told)}"


def _for_pointer(chart: Chart, axis: Axis) -> str:
    """Return what the pointer's label needs, in the axis' unit."""
    digits = axis.digits + 1

    def shown(values: NDArray[np.float64]) -> list[float | None]:
        return [None if v != v else round(v / axis.divisor, digits) + 0.0 for v in values.tolist()]

    traces = [
        {"name": t.name, "mean": shown(t.mean)}
        | ({"min": shown(t.least), "max": shown(t.most)} if len(chart.traces) == 1 else {})
        | ({} if t.whole.all() else {"part": np.flatnonzero(~t.whole & ~np.isnan(t.mean)).tolist()})
        for t in chart.traces
    ]
    content = {"from": chart.span.from_s, "step": chart.span.step_s, "unit": axis.unit, "digits": digits}
    return json.dumps({**content, "traces": traces}, ensure_ascii=False, separators=(",", ":"))


def _share_of(span: Span, at_s: float) -> float:
    return (at_s - span.from_s) / (span.to_s - span.from_s)
