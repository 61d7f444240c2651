"""The supply graph of a site file (`feeds`), or of the file that it names; refuses loops, orphans and absurd limits."""

from pathlib import Path
from typing import Annotated, Any

import msgspec

from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds, Watts
from firmware_bridge.vocabulary.upstream import Sources, SupplyNode, Upstream
from firmware_bridge.wire.located_yaml import Located, convert, parse

MOST_KW = 1_000_000.0
LEAST_KW = 0.1
_ROOT3 = 3.0**0.5
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
_Positive = Annotated[float, msgspec.Meta(gt=0)]
_Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class _NodeFile(msgspec.Struct, forbid_unknown_fields=True, rename={"sources": "from"}):
    """`limit_kw`, or a breaker of `breaker_a` at `voltage_v` that carries `continuous` of its rating for hours."""

    sources: list[_Name] = []
    limit_kw: _Positive | None = None
    breaker_a: _Positive | None = None
    voltage_v: _Positive | None = None
    phases: Annotated[int, msgspec.Meta(ge=1, le=3)] = 3
    continuous: _Share = 0.8
    draws: Sources = Sources.SHARED
    overload: Annotated[float, msgspec.Meta(ge=1, le=3)] = 1.0
    overload_for_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class _FeedsFile(msgspec.Struct, forbid_unknown_fields=True):
    nodes: dict[_Name, Any] = {}  # each is a _NodeFile; checked one by one so that a fault can be pointed at
    racks: dict[str, dict[str, _Name]] = {}
    file: str | None = None


def read_upstream(site_file: Path, racks: dict[Place, frozenset[str]]) -> Upstream:
    """Return the supply graph of a site.  `racks`: of each rack the feeds that its generation has.

    Raises ConfigurationError when a file cannot be read, FileInvalid with file, line and reason.  A site that says
    nothing has no limits above its racks.
    """
    document = _read(site_file)
    said = document.value.get("feeds") if isinstance(document.value, dict) else None
    if not said:
        return Upstream()
    if isinstance(said, dict) and said.get("file"):
        path = site_file.parent / str(said["file"])
        if not path.is_file():
            raise document.complaint("feeds.file", f"expected a file, there is none at {path.name}")
        return check_upstream(_read(path), "", racks)
    return check_upstream(document, "feeds", racks)


def check_upstream(document: Located, path: str, racks: dict[Place, frozenset[str]]) -> Upstream:
    """Check the graph that stands at `path` of a document.  Raises FileInvalid."""
    file = convert(document, path, _FeedsFile)
    at = f"{path}." if path else ""
    read = {name: convert(document, f"{at}nodes.{name}", _NodeFile) for name in file.nodes}
    limits = {name: _limit(document, f"{at}nodes.{name}", node) for name, node in read.items()}
    for name, node in read.items():
        for n, source in enumerate(node.sources):
            if source not in read:
                where = f"{at}nodes.{name}.from[{n}]"
                raise document.complaint(where, f"expected a node of this graph, got {source!r}")
    order = _in_order(document, at, read)
    wired = _racks(document, at, file, racks)
    _no_orphans(document, at, read, wired)
    nodes = [
        SupplyNode(
            *(name, Watts(limits[name]), tuple(read[name].sources), read[name].draws),
            *(read[name].overload, Seconds(read[name].overload_for_s)),
            rating=None if read[name].breaker_a is None else Watts(limits[name] / read[name].continuous),
        )
        for name in order
    ]
    return Upstream(tuple(nodes), wired)


def _limit(document: Located, path: str, node: _NodeFile) -> float:
    if (node.limit_kw is None) is (node.breaker_a is None):
        raise document.complaint(path, "expected limit_kw, or breaker_a with voltage_v, one of them")
    if node.limit_kw is not None:
        kw, field = node.limit_kw, "limit_kw"
    elif node.voltage_v is None:
        raise document.complaint(path, "expected voltage_v beside breaker_a")
    else:
        factor = _ROOT3 if node.phases == 3 else float(node.phases)
        kw, field = node.breaker_a * node.voltage_v * factor * node.continuous / 1e3, "breaker_a"  # type: ignore[operator]
    if not LEAST_KW <= kw <= MOST_KW:
        raise document.complaint(f"{path}.{field}", f"expected {LEAST_KW:g} to {MOST_KW:g} kW, this is {kw:g} kW")
    return kw * 1e3


def _in_order(document: Located, at: str, nodes: dict[str, _NodeFile]) -> list[str]:
    order: list[str] = []
    left = dict(nodes)
    while left:
        ready = [name for name, node in left.items() if all(source in order for source in node.sources)]
        if not ready:
            loop = _loop(left)
            where = f"{at}nodes.{loop[0]}.from"
            raise document.complaint(where, f"expected no loop, this one feeds itself: {' from '.join(loop)}")
        order += ready
        for name in ready:
            del left[name]
    return order


def _loop(left: dict[str, _NodeFile]) -> list[str]:
    path = [next(iter(left))]
    while True:
        following = next(source for source in left[path[-1]].sources if source in left)
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)


def _racks(
    document: Located, at: str, file: _FeedsFile, racks: dict[Place, frozenset[str]]
) -> dict[Place, dict[str, str]]:
    wired: dict[Place, dict[str, str]] = {}
    for place, feeds in file.racks.items():
        where = f"{at}racks.{place}"
        known = racks.get(Place(place))
        if known is None:
            raise document.complaint(where, f"expected a rack of the site: {', '.join(sorted(racks)) or 'it has none'}")
        if set(feeds) != set(known):
            raise document.complaint(where, f"expected a node for each feed of the rack: {', '.join(sorted(known))}")
        for feed, node in feeds.items():
            if node not in file.nodes:
                raise document.complaint(f"{where}.{feed}", f"expected a node of this graph, got {node!r}")
        wired[Place(place)] = dict(feeds)
    missing = sorted(set(racks) - set(wired))
    if missing:
        raise document.complaint(f"{at}racks", f"expected every rack of the site, {missing[0]} hangs on nothing")
    return wired


def _no_orphans(document: Located, at: str, nodes: dict[str, _NodeFile], wired: dict[Place, dict[str, str]]) -> None:
    """Refuse a node that feeds neither a node nor a rack: its limit would hold nobody."""
    used = {node for feeds in wired.values() for node in feeds.values()}
    used |= {source for node in nodes.values() for source in node.sources}
    for name in nodes:
        if name not in used:
            said = "expected a node or a rack that is fed from it, it is an orphan"
            raise document.complaint(f"{at}nodes.{name}", said)


def _read(path: Path) -> Located:
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as err:
        said = getattr(err, "strerror", None) or err
        raise ConfigurationError(f"cannot read {path}: {said}", advice="name an existing file") from err
