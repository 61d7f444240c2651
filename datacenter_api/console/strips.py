"""The power and the liquid strip: skeletons, and what stands in them now.  Pure."""

from datacenter_api.cli.output import number
from datacenter_api.console.wording import UNKNOWN, Cells, kilowatts, seconds
from datacenter_api.fleet.summary import Figure, RackSummary

TIGHT = 0.9
"""From this share of the usable limit on, the bar warns."""


def _figure(at: str, what: str) -> str:
    note = f'<span id="{at}-note" class="note"></span>'
    return f'<div class="figure"><b id="{at}">{UNKNOWN}</b><span>{what} {note}</span></div>'


def draw_strips() -> str:
    """Return the three cards above the elevation."""
    power = "".join(
        (
            _figure("out", "shelf output"),
            _figure("usable", "usable limit"),
            _figure("headroom", "headroom"),
            _figure("gpupower", "GPU power"),
        )
    )
    liquid = "".join((_figure("supply", "supply"), _figure("return", "return"), _figure("flow", "flow")))
    data = "".join((_figure("age", "last frame"), _figure("reach", "reachable"), _figure("readings", "readings")))
    bar = (
        '<div class="bar" id="barbox" role="img" aria-label="power"><i id="bar"></i></div>'
        '<div class="scale"><span>0</span><span id="barnote"></span><span id="barend"></span></div>'
    )
    cards = (
        ("Power", f"{power}</div>{bar}"),
        ("Liquid", f"{liquid}</div>{_line('leak')}"),
        ("Data", f"{data}</div>{_line('trays')}"),
    )
    drawn = "".join(
        f'<div class="card" role="group" aria-label="{name}"><h2>{name}</h2><div class="figures">{inside}</div>'
        for name, inside in cards
    )
    return f'<section class="strips">{drawn}</section>'


def _line(at: str) -> str:
    return f'<div class="line"><span id="{at}" class="pill">?</span><span id="{at}where" class="where"></span></div>'


def strip_cells(summary: RackSummary) -> Cells:
    """Return every value of the strips and of the page's head."""
    cells: Cells = {}
    _power(cells, summary)
    _liquid(cells, summary)
    _data(cells, summary)
    return cells


def put_figure(cells: Cells, at: str, figure: Figure, text: str) -> None:
    """Put a figure; what is not complete says so in words and class."""
    note = {"partial": f"· {figure.good} of {figure.total}", "good": ""}.get(figure.quality, f"· {figure.quality}")
    cells[(at, "text")] = text
    cells[(at, "class")] = figure.quality
    cells[(f"{at}-note", "text")] = note


def _power(cells: Cells, s: RackSummary) -> None:
    put_figure(cells, "out", s.shelf_output_w, kilowatts(s.shelf_output_w.value))
    cells[("usable", "text")] = kilowatts(s.usable_limit_w)
    cells[("headroom", "text")] = kilowatts(s.headroom_w)
    cells[("headroom", "class")] = "over" if s.headroom_w is not None and s.headroom_w < 0 else ""
    put_figure(cells, "gpupower", s.gpu_power_w, kilowatts(s.gpu_power_w.value))
    cells[("barend", "text")] = kilowatts(s.usable_limit_w)
    if s.headroom_w is None or not s.usable_limit_w or s.shelf_output_w.value is None:
        cells[("bar", "class")], cells[("bar", "width")] = "unsure", "100%"
        cells[("barnote", "text")] = "headroom unknown: not every shelf was read"
        cells[("barbox", "label")] = "headroom unknown"
        return
    share = s.shelf_output_w.value / s.usable_limit_w
    cells[("bar", "class")] = "over" if share > 1 else "tight" if share >= TIGHT else "fine"
    cells[("bar", "width")] = f"{min(1.0, share) * 100:.1f}%"
    word = "over the limit" if share > 1 else "close to the limit" if share >= TIGHT else "of the usable limit"
    cells[("barnote", "text")] = f"{share * 100:.0f} % {word}"
    cells[("barbox", "label")] = f"{share * 100:.0f} % {word}"


def _liquid(cells: Cells, s: RackSummary) -> None:
    put_figure(cells, "supply", s.supply_c, number(s.supply_c.value, 1, "°C"))
    put_figure(cells, "return", s.return_c, number(s.return_c.value, 1, "°C"))
    put_figure(cells, "flow", s.flow_lpm, number(s.flow_lpm.value, 0, "L/min"))
    wet = [p for p in s.leaks if p.state in ("warning", "critical")]
    unknown = f" · {s.leaks_unknown} unknown" if s.leaks_unknown else ""
    if wet:
        worst = "critical" if any(p.state == "critical" for p in wet) else "warning"
        cells[("leak", "text")] = f"{'◆' if worst == 'critical' else '▲'} {len(wet)} leaking{unknown}"
        cells[("leak", "class")] = f"pill {worst}"
    elif not s.leak_points or s.leaks_unknown:
        cells[("leak", "text")] = f"? {s.leak_points - s.leaks_unknown} of {s.leak_points} points dry{unknown}"
        cells[("leak", "class")] = "pill"
    else:
        cells[("leak", "text")] = f"● all {s.leak_points} leak points dry"
        cells[("leak", "class")] = "pill ok"
    where = [f"{'/'.join(p.place.split('/')[4:])} {p.state}" for p in (*wet, *(p for p in s.leaks if p not in wet))]
    cells[("leakwhere", "text")] = ", ".join(where[:4]) + (f" and {len(where) - 4} more" if len(where) > 4 else "")


def _data(cells: Cells, s: RackSummary) -> None:
    cells[("age", "text")] = seconds(s.age_s)
    cells[("age", "class")] = "" if s.live else "stale"
    cells[("live", "text")] = "● live" if s.live else "? stale" if s.age_s is not None else "? no data"
    cells[("live", "class")] = "pill ok" if s.live else "pill"
    cells[("reach", "text")] = f"{s.endpoints_reachable} of {s.endpoints_total}"
    cells[("reach", "class")] = "" if s.endpoints_reachable == s.endpoints_total else "partial"
    cells[("readings", "text")] = number(s.readings, 0)
    bad = [t for t in s.trays if t.alarm in ("critical", "warning")]
    worst = "critical" if any(t.alarm == "critical" for t in bad) else "warning"
    unknown = sum(t.alarm == "unknown" for t in s.trays)
    if bad:
        cells[("trays", "text")] = (
            f"{'◆' if worst == 'critical' else '▲'} {len(bad)} of {len(s.trays)} trays need a look"
        )
        cells[("trays", "class")] = f"pill {worst}"
    elif unknown:
        cells[("trays", "text")], cells[("trays", "class")] = f"? {unknown} trays unknown", "pill"
    else:
        cells[("trays", "text")], cells[("trays", "class")] = f"● all {len(s.trays)} trays well", "pill ok"
    ordered = sorted(bad, key=lambda t: (t.alarm != "critical", -t.unit))
    notes = [f"{t.name} {t.why}" for t in ordered[:3]]
    cells[("trayswhere", "text")] = " · ".join(notes) + (f" · {len(bad) - 3} more" if len(bad) > 3 else "")
