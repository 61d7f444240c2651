"""How passports stand in tables: parts, claims, what does not fit by both sides, as-accepted states.  Pure."""

from datacenter_api.cli.event import clock
from datacenter_api.cli.output import Column, Row

PASSPORTS = (
    Column("RACK", lambda r: str(r["rack"])),
    Column("RECORDS", lambda r: "–" if r.get("unreadable") else str(r["rows"]), right=True),
    Column("SWAPS", lambda r: str(r["swaps"]), right=True),
    Column("ACCEPTED", lambda r: str(r["frozen"])[:12] or "–"),
)
PARTS = (
    Column("PLACE", lambda r: "/".join(str(r["place"]).split("/")[3:])),
    Column("KIND", lambda r: str(r["kind"])),
    Column("PART", lambda r: str(r["part"])),
    Column("SERIAL", lambda r: str(r["serial"] or "–")),
    Column("LOT", lambda r: str(r["lot"] or "–"), wide=True),
    Column("SUPPLIER", lambda r: str(r["supplier"] or "–"), wide=True),
    Column("MADE", lambda r: ", ".join(f"{s['process']} {s.get('place', '?')}" for s in r["steps"]) or "–"),
    Column("COST", lambda r: f"{r['cost']} {r['currency']}" if r["cost"] else "–", right=True),
)
CLAIMS = (
    Column("RULE", lambda c: str(c["rule"])),
    Column("VERDICT", lambda c: str(c["verdict"]).replace("_", " ")),
    Column("CLAIM", lambda c: _bounds(c)),
    Column("ASKED", lambda c: "–" if c["more_than_percent"] is None else f"> {c['more_than_percent']:g} %"),
    Column("WHY", lambda c: "; ".join(c["reasons"]) or "–"),
    Column("NOT LOOKED AT", lambda c: "; ".join(c["leaves_out"]) or "–", wide=True),
    Column("SOURCE", lambda c: str(c["source"]), wide=True),
)
FINDINGS = (
    Column("FIT", lambda f: str(f["fit"])),
    Column("BUILT", lambda f: _side(f["built"])),
    Column("FOUND", lambda f: _side(f["found"])),
)
FAULTS = (
    Column("ROW", lambda f: str(f["row"] or "file"), right=True),
    Column("FIELD", lambda f: str(f["field"])),
    Column("WHAT IS WRONG", lambda f: str(f["what"])),
    Column("VALUE", lambda f: str(f["value"])),
)
FROZEN = (
    Column("RACK", lambda f: str(f["rack"])),
    Column("RECORDS", lambda f: str(f["rows"]), right=True),
    Column("WRONG", lambda f: str(f["wrong"]), right=True),
    Column("NOT LOOKED AT", lambda f: str(f["unread"]), right=True),
    Column("BY", lambda f: f"{f['actor']}, {clock(f['unix_ns']).partition('.')[0]}"),
    Column("SHA-256", lambda f: str(f["sha256"])),
)
SITES = (
    Column("SITE", lambda s: str(s["id"])),
    Column("WHERE", lambda s: f"{s['title']} ({s['place']})"),
    Column("FIRM", lambda s: str(s["firm"])),
    Column("BUILDS", lambda s: ", ".join(s["builds"])),
    Column("KNOWN", lambda s: "example" if s["example"] else "confirmed" if s["confirmed"] else "said"),
)


def _bounds(claim: Row) -> str:
    if claim["lower_percent"] is None:
        return str(claim["country"])
    return f"{claim['lower_percent']:.2f} to {claim['upper_percent']:.2f} %"


def _side(side: Row | None) -> str:
    if side is None:
        return "–"
    place = "/".join(str(side["place"]).split("/")[3:])
    return f"{place}: {side['part'] or '?'} {side['serial'] or 'no serial number'}"
