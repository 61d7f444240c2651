"""Which console lines mean something: patterns as data, and the line they fit.  Pure; decides nothing about events.

The patterns are ours (`seeds/knowledge/console_patterns.yaml`) and are tried on one bounded line at a time.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from firmware_bridge.wire.located_yaml import convert, parse

MOST_FIELD = 200
Level = Literal["ok", "warning", "critical"]


class PatternFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One pattern.  `contains`: one of these texts must stand in the line before `regex` is tried.

    `message` is filled with the regex's named groups; `same` names the groups that tell one sighting from another,
    `same_for_s` for how long (s) the same sighting is not told again; `levels` raises or lowers the severity for
    certain values of a group; `means` are fields that the line has without saying them; after a line that `begins_anew`
    what was told before counts as not told.
    """

    name: str
    kind: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]+\.[a-z_]+$")]
    contains: Annotated[list[str], msgspec.Meta(min_length=1)]
    regex: str
    message: str
    severity: Level = "warning"
    same: list[str] = []
    same_for_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 60.0
    levels: dict[Level, dict[str, list[str]]] = {}
    means: dict[str, str] = {}
    begins_anew: bool = False


class _File(msgspec.Struct, forbid_unknown_fields=True):
    kind: Literal["console_patterns"]
    schema_version: Annotated[int, msgspec.Meta(ge=1, le=1)]
    patterns: list[PatternFile]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A line that means something: what kind of event, how bad, in whose words, and what tells it from others."""

    name: str
    kind: str
    severity: Level
    message: str
    fields: dict[str, str]
    same: tuple[str, ...]
    same_for_s: float
    begins_anew: bool = False


@dataclass(frozen=True, slots=True)
class PatternBook:
    """Patterns in the order in which they are tried; the first that fits a line is its meaning."""

    patterns: tuple[tuple[PatternFile, re.Pattern[str]], ...]
    hint: re.Pattern[str]

    def look(self, line: str) -> Sighting | None:
        """Return what a plain line means, None for nothing."""
        if self.hint.search(line) is None:
            return None
        for pattern, regex in self.patterns:
            if any(text in line for text in pattern.contains):
                found = regex.search(line)
                if found is not None:
                    return _sighting(pattern, found)
        return None


def parse_patterns(text: str, file: str) -> PatternBook:
    """Read a pattern file.  Raises FileInvalid (file, line, field, expected)."""
    document = parse(text, file)
    content = convert(document, "", _File)
    patterns = []
    for n, pattern in enumerate(content.patterns):
        try:
            regex = re.compile(pattern.regex)
            pattern.message.format(**dict.fromkeys(regex.groupindex, ""))
        except (re.error, KeyError, IndexError, ValueError) as err:
            said = f"expected a regular expression whose named groups fill the message ({err})"
            raise document.complaint(f"patterns[{n}]", said) from err
        unknown = {*pattern.same, *(g for by in pattern.levels.values() for g in by)} - set(regex.groupindex)
        if unknown:
            raise document.complaint(f"patterns[{n}]", f"expected named groups of the regex, not {', '.join(unknown)}")
        patterns.append((pattern, regex))
    return PatternBook(tuple(patterns), _hint(p for p, _ in patterns))


def _hint(patterns: Iterable[PatternFile]) -> re.Pattern[str]:
    texts = [re.escape(text) for pattern in patterns for text in pattern.contains]
    return re.compile("|".join(texts) if texts else r"(?!)")


def _sighting(pattern: PatternFile, found: re.Match[str]) -> Sighting:
    fields = {name: (value or "").strip()[:MOST_FIELD] for name, value in found.groupdict().items()}
    fields |= pattern.means
    severity = pattern.severity
    for level, groups in pattern.levels.items():
        if any(fields[group] in values for group, values in groups.items()):
            severity = level
    return Sighting(
        pattern.name,
        pattern.kind,
        severity,
        pattern.message.format(**fields).rstrip(" :"),
        fields,
        (pattern.name, *(fields[group] for group in pattern.same)),
        pattern.same_for_s,
        pattern.begins_anew,
    )
