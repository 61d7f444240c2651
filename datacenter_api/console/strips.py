"""The power and the liquid strip: skeletons, and what stands in them now.  Pure."""

from datacenter_api.cli.output import number
from datacenter_api.console.wording import UNKNOWN, Cells, seconds
from datacenter_api.fleet.summary import SMALL_SHARE, Figure, RackSummary
from datacenter_api.fleet.usable import USABLE_BY
from firmware_bridge.vocabulary.amounts import power_text

TIGHT = 0.9
"""From this share of the usable limit on, the bar warns."""


def draw_figure(at: str, what: str) -> str:
    """Return the place of one number with its name and a note of how complete it is."""
    note = f'<span id="{at}-note" class="note"></span>'
    return f'<div class="figure"><b id="{at}">{UNKNOWN}</b><span>{what} {note}</span></div>'


def draw_strips() -> str:
    """Return the three cards above the elevation."""
    power = "".join(
        (
            draw_figure("out", "shelf output"),
            draw_figure("usable", "usable"),
            draw_figure("headroom", "headroom"),
            draw_figure("gpupower", "GPU power"),
            draw_figure("battery", "from batteries"),
        )
    )
    liquid = "".join((draw_figure("supply", "supply"), draw_figure("return", "return"), draw_figure("flow", "flow")))
    data = "".join(
        (draw_figure("age", "last frame"), draw_figure("reach", "reachable"), draw_figure("readings", "readings"))
    )
    return draw_cards(
        ("Power", power, draw_bar("")), ("Liquid", liquid, draw_line("leak")), ("Data", data, draw_line("trays"))
    )


def draw_cards(*cards: tuple[str, str, str]) -> str:
    """Return a row of cards, each of a title, figures and what stands below them."""
    drawn = "".join(
        f'<div class="card" role="group" aria-label="{name}"><h2>{name}</h2>'
        f'<div class="figures">{figures}</div>{below}</div>'
        for name, figures, below in cards
    )
    return f'<section class="strips">{drawn}</section>'


def draw_bar(at: str) -> str:
    """Return the place of a power bar: how much of the limit is used."""
    return (
        f'<div class="bar" id="{at}barbox" role="img" aria-label="power"><i id="{at}bar"></i></div>'
        f'<div class="scale"><span>0</span><span id="{at}barnote"></span><span id="{at}barend"></span></div>'
    )


def draw_line(at: str) -> str:
    """Return the place of a pill and of the words beside it."""
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
    put_figure(cells, "out", s.shelf_output_w, power_text(s.shelf_output_w.value))
    cells[("usable", "text")] = power_text(s.usable_limit_w)
    cells[("usable-note", "text")] = f"· {USABLE_BY[s.usable_by]}"
    cells[("headroom", "text")] = power_text(s.headroom_w)
    cells[("headroom", "class")] = "over" if s.headroom_w is not None and s.headroom_w < 0 else ""
    put_figure(cells, "gpupower", s.gpu_power_w, power_text(s.gpu_power_w.value))
    put_figure(cells, "battery", s.battery_output_w, power_text(s.battery_output_w.value))
    if drain := battery_drain_w(s):
        cells[("battery", "class")] = "over"
    put_bar(cells, "", s.shelf_output_w.value, s.usable_limit_w, s.headroom_w, drain)


def battery_drain_w(s: RackSummary) -> float:
    """Return what a rack draws from its batteries, 0 unless that is more than noise."""
    power, usable = s.battery_output_w.value, s.usable_limit_w
    return power if power is not None and usable and power > usable * SMALL_SHARE else 0.0


def put_bar(
    cells: Cells,
    at: str,
    output_w: float | None,
    usable_w: float | None,
    headroom_w: float | None,
    battery_w: float = 0.0,
) -> None:
    """Put a power bar.  Without a headroom the length would lie: the bar is hatched and says why."""
    cells[(f"{at}barend", "text")] = power_text(usable_w)
    if headroom_w is None or not usable_w or output_w is None:
        cells[(f"{at}bar", "class")], cells[(f"{at}bar", "width")] = "unsure", "100%"
        why = f"◆ on battery, {power_text(battery_w)}" if battery_w else "headroom unknown: not every supply is known"
        cells[(f"{at}barnote", "text")] = cells[(f"{at}barbox", "label")] = why
        cells[(f"{at}barnote", "class")] = "over" if battery_w else ""
        return
    share = output_w / usable_w
    cells[(f"{at}bar", "class")] = "over" if share > 1 else "tight" if share >= TIGHT else "fine"
    cells[(f"{at}bar", "width")] = f"{min(1.0, share) * 100:.1f}%"
    word = "over the limit" if share > 1 else "close to the limit" if share >= TIGHT else "of what is usable"
    cells[(f"{at}barnote", "text")] = f"{share * 100:.0f} % {word}"
    cells[(f"{at}barnote", "class")] = ""
    cells[(f"{at}barbox", "label")] = f"{share * 100:.0f} % {word}"


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
