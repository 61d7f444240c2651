"""A page of one comparison: what every controller drew under the limit over time, and its score.  No scripts."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from rack_controller.decide.budget.design import Array
from rack_controller.powerbench.score import Log, Score

WIDE, HIGH, LEFT, BOTTOM, TOP = 900, 240, 64, 28, 10
POINTS = 450  # of a line: each is the highest of its span, so that no excess is lost
STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --grid: #d5dae0; --drawn: #0b62c4; --limit: #b42318;
  --heat: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14171b; --grid: #3a4048; --drawn: #6cb2ff;
  --limit: #ff8b7e; --heat: #e0b05a; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } th, td { padding: .3rem .6rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr { border-bottom: 1px solid var(--grid); }
svg { width: 100%; height: auto; } text { font-size: 12px; fill: var(--ink); }
.grid { stroke: var(--grid); } .drawn { stroke: var(--drawn); } .limit { stroke: var(--limit); }
.heat { stroke: var(--heat); } polyline { fill: none; stroke-width: 1.6; }
.key { display: inline-block; width: 1.2em; border-top: 3px solid; vertical-align: middle; margin: 0 .3em 0 1em; }
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One controller: its name and title, its score (of all seeds) and the log of its first seed."""

    name: str
    title: str
    score: Score
    log: Log


def html_report(title: str, seeds: int, dt: float, oracle: Score, shown: Sequence[Shown]) -> str:
    """Return the page: a table of scores, and for each controller a plot of load, limit and breaker heat."""
    head = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f"<meta name='viewport' content='width=device-width'><title>PowerBench: {escape(title)}</title>"
        f"<style>{STYLE}</style></head><body>"
    )
    intro = (
        f"<h1>PowerBench: {escape(title)}</h1><p>Of {seeds} seed(s) work is the median, safety the worst. Plots show "
        "the first one; each point is the highest of its span.<br>"
        "<span class='key' style='border-color:var(--drawn)'></span>drawn at the hall's feed"
        "<span class='key' style='border-color:var(--limit)'></span>limit"
        "<span class='key' style='border-color:var(--heat)'></span>warmest breaker, share of the trip</p>"
    )
    return f"{head}{intro}{_table(oracle, shown)}{''.join(_plot(one, dt) for one in shown)}</body></html>\n"


def _table(oracle: Score, shown: Sequence[Shown]) -> str:
    heads = ("controller", "class", "over s", "over kJ", "worst", "settle s", "training", "of oracle", "delay p99 s")
    rows = []
    for one in shown:
        s = one.score
        share = s.training / oracle.training if oracle.training else float("nan")
        cells = (
            one.title,
            s.safety,
            f"{s.over_s:.1f}",
            f"{s.over_kj:.0f}",
            f"{s.overshoot:.2%}",
            _number(s.settle_s, ".1f"),
            _number(s.training, ".4f"),
            _number(share, ".4f"),
            f"{s.delay_p99_s:.2f}",
        )
        rows.append("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>")
    return f"<table><tr>{''.join(f'<th>{h}</th>' for h in heads)}</tr>{''.join(rows)}</table>"


def _plot(one: Shown, dt: float) -> str:
    moments = one.log.moments
    drawn = _highest(np.array([m.drawn[0] for m in moments])) / 1e3
    limit = _highest(np.array([m.limit[0] for m in moments])) / 1e3
    heat = _highest(np.array([m.heat for m in moments]))
    top = float(max(drawn.max(), limit.max())) * 1.05
    seconds = len(moments) * dt
    grid = "".join(
        f"<line class='grid' x1='{LEFT}' x2='{WIDE}' y1='{y:.1f}' y2='{y:.1f}'/>"
        f"<text x='{LEFT - 6}' y='{y + 4:.1f}' text-anchor='end'>{watts:.0f} kW</text>"
        for watts, y in ((share * top, _y(share)) for share in (0.0, 0.25, 0.5, 0.75, 1.0))
    )
    times = "".join(
        f"<text x='{LEFT + share * (WIDE - LEFT):.0f}' y='{HIGH - 8}' text-anchor='{anchor}'>"
        f"{share * seconds:.0f} s</text>"
        for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    )
    lines = _line(drawn / top, "drawn") + _line(limit / top, "limit") + _line(np.minimum(heat, 1.0), "heat")
    said = f"{one.title}: highest {drawn.max():.0f} kW under a limit of {limit.min():.0f} to {limit.max():.0f} kW"
    return (
        f"<h2>{escape(one.title)}</h2><svg viewBox='0 0 {WIDE} {HIGH}' role='img' aria-label='{escape(said)}'>"
        f"<title>{escape(said)}</title>{grid}{times}{lines}</svg>"
    )


def _line(shares: Array, name: str) -> str:
    step = (WIDE - LEFT) / max(len(shares) - 1, 1)
    points = " ".join(f"{LEFT + n * step:.1f},{_y(float(share)):.1f}" for n, share in enumerate(shares))
    return f"<polyline class='{name}' points='{points}'/>"


def _y(share: float) -> float:
    return TOP + (HIGH - BOTTOM - TOP) * (1.0 - share)


def _highest(values: Array) -> Array:
    """Return at most POINTS values, each the highest of its span."""
    starts = np.unique(np.linspace(0, len(values), min(POINTS, len(values)), endpoint=False).astype(np.int64))
    return np.asarray(np.maximum.reduceat(values, starts))


def _number(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "–"
