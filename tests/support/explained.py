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

    `uri` is a pattern below `/redfish/v1`: `*` stands for anything within one part, `{compute}` for the id of any
    compute tray.  An empty one is the service as a whole, whose `properties` are kinds of resource.
    """

    profile: str
    uri: str
    properties: tuple[str, ...]
    reason: str

    def fits(self, row: Mapping[str, Any], profile: Profile, places: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether a row of the validator is one of these, and a failure of this profile's rule."""
        if profile.title not in row["Message"]:
            return False
        if not self.uri:
            return not row.get("URI") and row.get("Resource Type") in self.properties
        return bool(row.get("URI")) and (
            any(_pattern(p, {}).fullmatch(row["Property"]) for p in self.properties)
            and _pattern(f"{ROOT}/{self.uri}".rstrip("/"), places).fullmatch(row["URI"].rstrip("/")) is not None
        )


def read(file: Path = FILE) -> tuple[dict[str, Profile], list[Explained]]:
    """Return the profiles by name and what is explained.  Raises ValueError for a profile or a kind nobody knows."""
    document = yaml.safe_load(file.read_text())
    profiles = {
        name: Profile(name, p["file"], p["title"], tuple(p.get("takes_in", ())))
        for name, p in document["profiles"].items()
    }
    found = []
    for entry in document["explained"]:
        found.append(
            Explained(entry["profile"], entry["uri"], tuple(entry["properties"]), " ".join(entry["reason"].split()))
        )
        if entry["profile"] not in profiles or not entry["reason"].strip():
            raise ValueError(f"no such profile, or no reason: {entry}")
        if unknown := set(re.findall(r"\{(\w+)\}", entry["uri"])) - set(KINDS):
            raise ValueError(f"no such kind of place: {unknown}")
    return profiles, found


def judge(
    rows: Iterable[Mapping[str, Any]],
    profile: Profile,
    profiles: Mapping[str, Profile],
    explained: Sequence[Explained],
    places: Mapping[str, Sequence[str]],
) -> tuple[list[Mapping[str, Any]], list[Explained]]:
    """Return the failures that nothing explains, and this profile's explanations that no failure needs any more."""
    mine = {profile.name, *profile.takes_in}
    usable = [e for e in explained if e.profile in mine]
    left, used = [], set()
    for row in rows:
        if row["Result"] != "FAIL":
            continue
        fitting = [n for n, e in enumerate(usable) if e.fits(row, profiles[e.profile], places)]
        used |= set(fitting)
        if not fitting:
            left.append(row)
    return left, [e for n, e in enumerate(usable) if n not in used and e.profile == profile.name]


def page(profiles: Mapping[str, Profile], explained: Sequence[Explained]) -> str:
    """Return what docs/conformance.md says of them: per profile one table."""
    lines: list[str] = []
    for profile in profiles.values():
        entries = [e for e in explained if e.profile == profile.name]
        if not entries:
            continue
        lines += [f"### {profile.title}", "", "| where | property | why |", "|---|---|---|"]
        for entry in entries:
            where = f"`{entry.uri}`" if entry.uri else "the service"
            lines.append(f"| {where} | {', '.join(f'`{p}`' for p in entry.properties)} | {entry.reason} |")
        lines.append("")
    return "\n".join(lines)


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
