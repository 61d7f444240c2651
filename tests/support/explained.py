"""Failures of OCP profiles that are explained: `tests/conformance/explained.yaml`, as data and as the page shows it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[1] / "conformance" / "explained.yaml"
ROOT = "/redfish/v1"
KINDS = ("rack", "compute", "switch", "power_shelf", "battery_shelf", "coolant_unit", "tray", "shelf")


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile: its file without `.json`, its title in a validator's rows, the profiles that it takes in."""

    name: str
    file: str
    title: str
    takes_in: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """Properties that are missing at some URIs, by whose rule, and why.

    A URI is a pattern below `/redfish/v1`: `*` stands for anything within one part, `{compute}` for the id of any
    compute tray.  An empty one is the service as a whole, whose `properties` are kinds of resource.
    """

    profile: str
    uris: tuple[str, ...]
    properties: tuple[str, ...]
    reason: str

    def fits(
        self, row: Mapping[str, Any], profile: Profile, places: Mapping[str, Sequence[str]]
    ) -> tuple[str, str] | None:
        """Return the pattern and the property that a failure of this profile's rule is, None when it is another."""
        if profile.title not in row["Message"]:
            return None
        at, name = row.get("URI"), row.get("Property")
        if not at:
            kind = row.get("Resource Type")
            return ("", kind) if "" in self.uris and kind in self.properties else None
        uri = next((u for u in self.uris if u and _fits(f"{ROOT}/{u}", at, places)), None)
        known = next((p for p in self.properties if _fits(p, name or "", {})), None)
        return None if uri is None or known is None else (uri, known)


def read(file: Path = FILE) -> tuple[dict[str, Profile], list[Explained]]:
    """Return the profiles by name and what is explained.  Raises ValueError for a profile or a kind nobody knows."""
    document = yaml.safe_load(file.read_text())
    profiles = {
        name: Profile(name, p["file"], p["title"], tuple(p.get("takes_in", ())))
        for name, p in document["profiles"].items()
    }
    found = []
    for entry in document["explained"]:
        uris = [entry["uri"]] if isinstance(entry["uri"], str) else entry["uri"]
        reason = " ".join(entry["reason"].split())
        found.append(Explained(entry["profile"], tuple(uris), tuple(entry["properties"]), reason))
        if entry["profile"] not in profiles or not reason:
            raise ValueError(f"no such profile, or no reason: {entry}")
        if unknown := set(re.findall(r"\{(\w+)\}", " ".join(uris))) - set(KINDS):
            raise ValueError(f"no such kind of place: {unknown}")
    return profiles, found


def judge(
    rows: Iterable[Mapping[str, Any]],
    profile: Profile,
    profiles: Mapping[str, Profile],
    explained: Sequence[Explained],
    places: Mapping[str, Sequence[str]],
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Return the failures that nothing explains, and what of this profile's explanations no failure needs any more."""
    usable = [e for e in explained if e.profile in {profile.name, *profile.takes_in}]
    left: list[Mapping[str, Any]] = []
    used: set[tuple[int, str]] = set()
    for row in rows:
        if row["Result"] != "FAIL":
            continue
        fitting = [(n, fit) for n, e in enumerate(usable) if (fit := e.fits(row, profiles[e.profile], places))]
        used |= {(n, word) for n, fit in fitting for word in fit}
        if not fitting:
            left.append(row)
    mine = [(n, e) for n, e in enumerate(usable) if e.profile == profile.name]
    return left, [w for n, e in mine for w in (*e.uris, *e.properties) if (n, w) not in used]


def page(profiles: Mapping[str, Profile], explained: Sequence[Explained]) -> str:
    """Return what docs/conformance.md says of them: per profile one table."""
    lines: list[str] = []
    for profile in profiles.values():
        entries = [e for e in explained if e.profile == profile.name]
        if not entries:
            continue
        lines += [f"### {profile.title}", "", "| where | property | why |", "|---|---|---|"]
        for entry in entries:
            where = ", ".join(f"`{uri}`" if uri else "the service" for uri in entry.uris)
            lines.append(f"| {where} | {', '.join(f'`{p}`' for p in entry.properties)} | {entry.reason} |")
        lines.append("")
    return "\n".join(lines)


def _fits(pattern: str, text: str, places: Mapping[str, Sequence[str]]) -> bool:
    return _pattern(pattern.rstrip("/"), places).fullmatch(text.rstrip("/")) is not None


def _pattern(text: str, places: Mapping[str, Sequence[str]]) -> re.Pattern[str]:
    parts = re.split(r"(\*|\{\w+\})", text)
    return re.compile("".join(_piece(part, places) for part in parts))


def _piece(part: str, places: Mapping[str, Sequence[str]]) -> str:
    if part == "*":
        return "[^/]*"
    if part.startswith("{"):
        ids = places.get(part[1:-1], ())
        return f"(?:{'|'.join(map(re.escape, ids))})" if ids else "(?!)"
    return re.escape(part)
