"""How evaluations stand in tables: values with their intervals, differences with what is real of them.  Pure."""

from datacenter_api.cli.event import clock
from datacenter_api.cli.output import Column, Row

CRITERIA = (
    Column("CRITERION", lambda c: str(c["id"])),
    Column("UNIT", lambda c: str(c["unit"])),
    Column("BETTER", lambda c: str(c["better"])),
    Column("TITLE", lambda c: str(c["title"])),
    Column("WAY", lambda c: str(c["way"]), wide=True),
    Column("SOURCE", lambda c: str(c["source"]), wide=True),
)
ROWS = (
    Column("EVALUATION", lambda e: str(e["id"])),
    Column("OF", lambda e: str(e["of"])),
    Column("RIG", lambda e: str(e["rig"])),
    Column("RACKS", lambda e: str(e["racks"]), right=True),
    Column("SHEETS", lambda e: str(e["sheets"]), right=True),
    Column("BEGAN", lambda e: clock(e["began_unix_ns"]).partition(".")[0]),
    Column("COUNTS", lambda e: "no" if e["fault"] else "yes"),
)
SHEETS = (
    Column("RACK", lambda s: str(s["rack"])),
    Column("GENERATION", lambda s: str(s["generation"])),
    Column("MEASURED", lambda s: str(sum(v["value"] is not None for v in s["seen"].values())), right=True),
    Column("NOT MEASURED", lambda s: ", ".join(n for n, v in s["seen"].items() if v["value"] is None) or "–"),
)
CELLS = (
    Column("CRITERION", lambda c: str(c["criterion"])),
    Column("GROUP", lambda c: str(c["group"])),
    Column("RACKS", lambda c: str(c["racks"]), right=True),
    Column("VALUE", lambda c: str(c["text"]), right=True),
    Column("UNIT", lambda c: str(c["unit"])),
    Column("NOTE", lambda c: str(c["why"]) or "–"),
)
CONTRASTS = (
    Column("CRITERION", lambda c: str(c["criterion"])),
    Column("FIRST", lambda c: str(c["first"])),
    Column("SECOND", lambda c: str(c["second"])),
    Column("DIFFERENCE", lambda c: str(c["verdict"]).replace("_", " ")),
    Column("BETTER", lambda c: str(c["better"]) or "–"),
    Column("BY", lambda c: interval_text(c["difference"], c["low"], c["high"]), right=True),
    Column("P CORRECTED", lambda c: "–" if c["corrected"] is None else f"{c['corrected']:.2g}", right=True),
    Column("WHY", lambda c: str(c["why"]) or "–", wide=True),
)
NEEDED = (
    Column("CRITERION", lambda n: str(n["criterion"])),
    Column("EFFECT", lambda n: _of(n, "effect"), right=True),
    Column("RACKS EACH", lambda n: _of(n, "racks"), right=True),
    Column("DAYS EACH", lambda n: _of(n, "days_each"), right=True),
    Column("RACK-DAYS", lambda n: _of(n, "rack_days"), right=True),
    Column("READY ON", lambda n: _of(n, "ready_on")),
    Column("IN TIME", lambda n: "–" if n["needed"] is None else "yes" if n["needed"]["met"] else "no"),
    Column("WHY", lambda n: str(n["why"])),
)
MILESTONES = (
    Column("RACK", lambda m: str(m["rack"])),
    Column("WHAT", lambda m: str(m["what"])),
    Column("WHEN", lambda m: clock(m["unix_ns"]).partition(".")[0]),
    Column("NOTED BY", lambda m: str(m["actor"])),
)


def cell_text(cell: Row) -> str:
    """Return a value with its interval; what was not measured says so."""
    return "not measured" if cell["value"] is None else interval_text(cell["value"], cell["low"], cell["high"])


def interval_text(value: float | None, low: float | None, high: float | None) -> str:
    """Return `value [low, high]` in four digits."""
    if value is None:
        return "–"
    if low is None and high is None:
        return f"{value:.4g}"
    return f"{value:.4g} [{'–' if low is None else f'{low:.4g}'}, {'no bound' if high is None else f'{high:.4g}'}]"


def _of(row: Row, name: str) -> str:
    found = None if row["needed"] is None else row["needed"][name]
    if found is None:
        return "–"
    return f"{found:.3g}" if isinstance(found, float) else str(found)
