"""YAML whose every value remembers its file and line, so that a bad field can be pointed at.  Pure.

Refuses duplicate keys, custom tags, documents deeper than 32 levels and aliases that expand without end.
"""

from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import yaml

from firmware_bridge.vocabulary.errors import FileInvalid

MOST_DEPTH = 32
MOST_VALUES = 500_000
_PLAIN_TEXT = "tag:yaml.org,2002:str"
# The C parser is ten times faster on a hall's site file; both keep line marks.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
T = TypeVar("T")
Where = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Located:
    """A document with the place of each value, keyed by path (`slots[3].unit`); the root's path is empty."""

    value: Any
    places: dict[str, Where] = field(default_factory=dict)

    def where(self, path: str) -> Where:
        """Return file and line (1-based) of `path`, of its nearest known parent when it is absent."""
        while path not in self.places and path:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.places[path]

    def complaint(self, path: str, expected: str) -> FileInvalid:
        """Return the error that points at `path`."""
        file, line = self.where(path)
        return FileInvalid(file, line, path or "(document)", expected)


def parse(text: str, file: str) -> Located:
    """Parse one document.  Raises FileInvalid with line and what was expected."""
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as err:
        mark = getattr(err, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise FileInvalid(file, line, "(syntax)", str(getattr(err, "problem", None) or "expected YAML")) from err
    except RecursionError as err:
        raise FileInvalid(file, 1, "(document)", f"expected at most {MOST_DEPTH} levels") from err
    places: dict[str, Where] = {}
    if node is None:
        return Located({}, {"": (file, 1)})
    return Located(_build(node, "", file, places, 0, yaml.SafeLoader("")), places)


def merge(base: Located, over: Located) -> Located:
    """Lay `over` onto `base`: mappings are merged key by key, everything else is replaced."""
    places = dict(base.places)
    value = _merge(base.value, over.value, "", over, places)
    return Located(value, places)


def convert(document: Located, path: str, kind: type[T]) -> T:
    """Check the value at `path` against a msgspec type and return it as one.

    Raises FileInvalid that points at the innermost value at fault.
    """
    value = document.value
    for step in filter(None, path.split(".")):
        value = value[step]
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as err:
        expected, _, pointer = str(err).partition(" - at `")
        below = pointer.removeprefix("key` in `").rstrip("`").removeprefix("$").removeprefix(".")
        raise document.complaint(".".join(filter(None, (path, below))), expected) from err


def _build(node: yaml.Node, path: str, file: str, places: dict[str, Where], depth: int, loader: yaml.SafeLoader) -> Any:
    line = node.start_mark.line + 1
    places[path] = (file, line)
    if depth > MOST_DEPTH:
        raise FileInvalid(file, line, path, f"expected at most {MOST_DEPTH} levels")
    if len(places) > MOST_VALUES:
        raise FileInvalid(file, line, path, f"expected at most {MOST_VALUES} values")
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _key(key_node, path, file, loader)
            here = f"{path}.{key}" if path else key
            if key in result:
                raise FileInvalid(file, key_node.start_mark.line + 1, here, "expected each key once")
            result[key] = _build(value_node, here, file, places, depth + 1, loader)
            places[here] = (file, key_node.start_mark.line + 1)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_build(n, f"{path}[{i}]", file, places, depth + 1, loader) for i, n in enumerate(node.value)]
    if node.tag == _PLAIN_TEXT:  # most values are: what the loader would make of them, in a tenth of the time
        return node.value
    try:
        return loader.construct_object(node)
    except yaml.YAMLError as err:
        raise FileInvalid(file, line, path, "expected a plain value without a custom tag") from err


def _key(node: yaml.Node, path: str, file: str, loader: yaml.SafeLoader) -> str:
    if node.tag == _PLAIN_TEXT and isinstance(node, yaml.ScalarNode):
        return str(node.value)
    try:
        return str(loader.construct_object(node))
    except yaml.YAMLError as err:
        raise FileInvalid(file, node.start_mark.line + 1, path, "expected a plain key without tag or merge") from err


def _merge(base: Any, over: Any, path: str, source: Located, places: dict[str, Where]) -> Any:
    if not (isinstance(base, dict) and isinstance(over, dict)):
        inside = (path + ".", path + "[")
        places.update({p: w for p, w in source.places.items() if p == path or p.startswith(inside)})
        return over
    merged = dict(base)
    for key, value in over.items():
        here = f"{path}.{key}" if path else key
        places[here] = source.where(here)
        merged[key] = _merge(base[key], value, here, source, places) if key in base else value
        if key not in base:
            _merge(None, value, here, source, places)
    return merged
