"""Whether a tray's endpoints are as they must be: one line per judgement, wrong ones first, with both sides.  Pure."""

from dataclasses import dataclass

from datacenter_api.console.wording import UNKNOWN, esc, slot_of
from rack_controller.model.readiness import Judgement, Readiness, Ready, Verdict

_GLYPHS = {Verdict.OK: "●", Verdict.DIFFERS: "▲", Verdict.UNKNOWN: "?"}
_ORDER = (Verdict.DIFFERS, Verdict.UNKNOWN, Verdict.OK)
_PILLS = {Ready.READY: ("ok", "● ready"), Ready.BLOCKED: ("warning", "▲ not ready"), Ready.UNKNOWN: ("", "? not known")}
AGAIN_S = 15.0


@dataclass(frozen=True, slots=True)
class ReadinessState:
    """An endpoint's readiness, or why there is none."""

    readiness: Readiness | None
    error: str = ""


def draw_readiness(endpoint: str, state: ReadinessState | None) -> str:
    """Return what is known of an endpoint's readiness; one of which nothing is asked says so."""
    name = esc(slot_of(endpoint))
    if state is None:
        return f'<h3>{name}</h3><p class="quiet">Asking the controller …</p>'
    readiness = state.readiness
    if readiness is None:
        return f'<h3>{name}</h3><p class="sev-warning">▲ Not known: {esc(state.error)}</p>'
    if not readiness.judgements:
        return f'<h3>{name}</h3><p class="quiet">Its generation asks nothing of this endpoint.</p>'
    kind, text = _PILLS[readiness.ready]
    rows = "".join(_row(j) for j in sorted(readiness.judgements, key=lambda j: _ORDER.index(j.verdict)))
    head = "<tr><th>What</th><th>Is</th><th>Wanted</th></tr>"
    serial = readiness.part.serial or UNKNOWN
    was = next((p.serial for p in readiness.history if p.until_unix_ns), None)
    part = f"serial {serial}" + (f", before it {was}" if was else "")
    failed = f'<p class="sev-warning">▲ the last look failed: {esc(readiness.error)}</p>' if readiness.error else ""
    return (
        f'<h3>{name} <span class="pill {kind}">{text}</span> <span class="quiet">{esc(part)}</span></h3>{failed}'
        f'<table class="lines"><thead>{head}</thead><tbody>{rows}</tbody></table>'
    )


def _row(judgement: Judgement) -> str:
    bad = judgement.verdict is Verdict.DIFFERS and judgement.required
    why = f'<br><span class="quiet">{esc(judgement.why)}</span>' if judgement.why else ""
    told = f"{_GLYPHS[judgement.verdict]} {judgement.title}" + ("" if judgement.required else " (not required)")
    return (
        f'<tr class="{"sev-warning" if bad else ""}"><td title="{esc(judgement.where)}">'
        f"{esc(told)}{why}</td><td>{esc(judgement.found)}</td><td>{esc(judgement.wanted)}</td></tr>"
    )
