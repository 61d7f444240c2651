"""A passport as a report says it: what was compared, what does not fit by both sides, claims with rules.  Pure."""

from rack_controller.prove.claim import OriginClaim
from rack_controller.prove.fit import Side
from rack_controller.prove.report.model import OriginRow, PassportSection, PassportSummary
from rack_controller.prove.report.written import NONE, plural, short, stamp

MOST_SHOWN = 80
NO_RECORDS = (
    "No as-built records of this rack were handed in, so no origin is claimed. "
    "Identity rests on what the steps compared."
)


def passport_section(passport: PassportSummary | None, rack: str) -> PassportSection:
    """Return the section of a rack's passport; it says so where there is none."""
    if passport is None:
        return PassportSection(NO_RECORDS, [], [], 0, [], [])
    said = f"{plural(passport.rows, 'as-built record')}."
    if passport.frozen:
        when = stamp(passport.frozen_unix_ns)
        despite = f", with parts that do not fit: {passport.frozen_wrong}" if passport.frozen_wrong else ""
        said += f" Frozen as accepted on {when} under SHA-256 {passport.frozen}{despite}."
    if passport.counts:
        said += " What is in the rack beside what was built:"
    elif passport.note:
        said += f" Not compared with what is in the rack: {passport.note}."
    wrong = [(f.fit.replace("_", " "), _side(f.built, rack), _side(f.found, rack)) for f in passport.findings]
    return PassportSection(
        said=said,
        counts=[(fit.replace("_", " "), str(n)) for fit, n in passport.counts.items() if n],
        wrong=wrong[:MOST_SHOWN],
        left_out=max(len(wrong) - MOST_SHOWN, 0),
        claims=[_claim(c) for c in passport.claims],
        swaps=[
            f"{stamp(s.unix_ns)}: {short(s.place, rack)}, {s.old or 'unknown'} became {s.new} ({s.why or 'no reason'})"
            for s in passport.swaps
        ],
    )


def _claim(claim: OriginClaim) -> OriginRow:
    if claim.lower_percent is None or claim.upper_percent is None:
        told = claim.country or NONE
    else:
        told = f"{claim.lower_percent:.2f} to {claim.upper_percent:.2f} %"
    when = "" if claim.delivery is None else f", delivery {claim.delivery.isoformat()}"
    return OriginRow(
        title=claim.title,
        rule=f"{claim.rule}{when}",
        claim=told,
        asked=NONE if claim.more_than_percent is None else f"> {claim.more_than_percent:g} %",
        verdict=claim.verdict.replace("_", " "),
        source=claim.source,
        reasons="; ".join(claim.reasons),
    )


def _side(side: Side | None, rack: str) -> str:
    if side is None:
        return NONE
    return f"{short(side.place, rack)}: {side.part or '?'}, {side.serial or 'no serial number'}"
