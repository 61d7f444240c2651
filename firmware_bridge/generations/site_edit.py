"""An operator's site file changed entry by entry: comments and order stay, what cannot be changed safely is refused.

The text is edited where the entry stands and read again: only when that gives exactly the site that was meant is it
written, by write-then-rename, with the text of before kept beside it.
"""

import hashlib
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from firmware_bridge.generations.site_file import parse_site
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit, RackwrightError
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.site import Site, SiteConsole, SiteEndpoint

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
BEFORE = ".before"
_FIELDS = ("address", "port", "pin", "credential", "enabled")


class SiteDraft:
    """A site file as it was read, and the changes meant for it.  Nothing is written before `save`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = self._read()
        self._digest = _digest(self._text)
        self.site: Site = parse_site(self._text, path)

    def put(self, endpoint: SiteEndpoint) -> None:
        """Change the entry of `endpoint.place` to say the same as `endpoint`, or add one.

        Only address, port, pin, credential and enabled are changed.  Raises ConfigurationError.
        """
        known = next((e for e in self.site.endpoints if e.place == endpoint.place), None)
        if known is None:
            text, endpoints = _added(self._text, _entry(endpoint)), (*self.site.endpoints, endpoint)
        else:
            changes = {f: getattr(endpoint, f) for f in _FIELDS if getattr(endpoint, f) != getattr(known, f)}
            text = self._text
            for field, value in changes.items():
                text = _changed(text, endpoint.place, field, value)
            endpoints = tuple(replace(e, **changes) if e.place == endpoint.place else e for e in self.site.endpoints)
        self._take(text, replace(self.site, endpoints=endpoints), _entry(endpoint))

    def put_console(self, console: SiteConsole) -> None:
        """Change the vault entry that a console of the file logs in with.  Raises ConfigurationError."""
        consoles = tuple(
            replace(c, credential=console.credential) if c.place == console.place else c for c in self.site.consoles
        )
        text = _changed(self._text, console.place, "credential", console.credential, "consoles")
        self._take(text, replace(self.site, consoles=consoles), f"{console.place}: credential: {console.credential}")

    def save(self) -> None:
        """Write the file.  Raises ConfigurationError when it has changed since it was read, EnvironmentUnfit."""
        was = self._read()
        if _digest(was) != self._digest:
            raise ConfigurationError(
                f"{self.path} has changed since it was read", advice="nothing was written; look at it and try again"
            )
        _write(self.path.with_name(self.path.name + BEFORE), was)
        _write(self.path, self._text)
        self._digest = _digest(self._text)

    def _read(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as err:
            said = getattr(err, "strerror", None) or err
            raise ConfigurationError(f"cannot read {self.path}: {said}", advice="name an existing site file") from err

    def _take(self, text: str, meant: Site, entry: str) -> None:
        try:
            says = parse_site(text, self.path)
        except RackwrightError as err:
            raise self._unsafe(entry) from err
        if says != meant:
            raise self._unsafe(entry)
        self._text, self.site = text, meant

    def _unsafe(self, entry: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self.path} is written in a way that cannot be edited safely",
            advice=f"write the entry by hand: {entry}",
        )


def _added(text: str, entry: str) -> str:
    """Return `text` with one more entry at the end of `endpoints`."""
    lines = text.splitlines(keepends=True)
    node = _value(_root(text), "endpoints")
    if not isinstance(node, yaml.SequenceNode):
        return text
    if node.flow_style:
        at = node.end_mark
        comma = ", " if node.value else ""
        line = lines[at.line]
        lines[at.line] = line[: at.column - 1] + comma + entry + line[at.column - 1 :]
        return "".join(lines)
    after = _end(node).line
    if not lines[after].endswith("\n"):
        lines[after] += "\n"
    lines.insert(after + 1, " " * node.start_mark.column + f"- {entry}\n")
    return "".join(lines)


def _changed(text: str, place: Place, field: str, value: Any, section: str = "endpoints") -> str:
    """Return `text` with one field of an entry set; the field's own line is all that is touched."""
    lines = text.splitlines(keepends=True)
    entries = _value(_root(text), section)
    entry = next((e for e in entries.value if _scalar(e, "place") == place), None) if entries is not None else None
    if not isinstance(entry, yaml.MappingNode):
        return text
    written = _plain(value)
    known = _value(entry, field)
    if known is not None:
        start, end = known.start_mark, known.end_mark
        if not isinstance(known, yaml.ScalarNode) or start.line != end.line:
            return text
        line = lines[start.line]
        lines[start.line] = line[: start.column] + written + line[end.column :]
        return "".join(lines)
    last = _end(entry.value[-1][1])
    line = lines[last.line]
    if entry.flow_style:
        lines[last.line] = f"{line[: last.column]}, {field}: {written}{line[last.column :]}"
        return "".join(lines)
    if not line.endswith("\n"):
        lines[last.line] = line + "\n"
    indent = entry.value[0][0].start_mark.column
    lines.insert(last.line + 1, f"{' ' * indent}{field}: {written}\n")
    return "".join(lines)


def _root(text: str) -> yaml.Node | None:
    root: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
    return root


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((v for k, v in node.value if k.value == key), None)


def _scalar(node: yaml.Node, key: str) -> str | None:
    value = _value(node, key)
    return value.value if isinstance(value, yaml.ScalarNode) else None


def _end(node: yaml.Node) -> Any:
    """Return where a node's own text ends: a block's mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return node.end_mark


def _entry(endpoint: SiteEndpoint) -> str:
    fields: dict[str, Any] = {"place": str(endpoint.place)}
    fields |= {f: v for f in _FIELDS if (v := getattr(endpoint, f)) is not None and not (f == "enabled" and v)}
    return "{" + ", ".join(f"{name}: {_plain(value)}" for name, value in fields.items()) + "}"


def _plain(value: Any) -> str:
    """Return a scalar as YAML writes it inside a flow mapping."""
    text: str = yaml.dump([value], Dumper=_DUMPER, default_flow_style=True, width=10_000)
    return text.strip()[1:-1]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all; it keeps the mode that it had."""
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
            os.fchmod(stream.fileno(), mode)
        Path(name).replace(path)
    except OSError as err:
        raise EnvironmentUnfit(f"cannot write {path}: {err.strerror}", advice="free space or fix permissions") from err
