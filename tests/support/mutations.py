"""Trees damaged as firmware, proxies and bugs damage them: seeded, so that a failing seed can be run again.

And the recount that such a tree is held against: which numbers stand where, worked out without the reader.
"""

import copy
import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Tree = dict[str, Any]
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_SWAPS: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 10**30, 1e308, "", "N/A", "NA", "nan", "712 W", "45.0 C", "0x10", "1_000", "  12 "),
    *([], {}, [None], {"Reading": 5}, "On", "Enabled", "\u202egnp.exe", "x" * 500, "/redfish/v1/../../etc"),
)
_LINKS: tuple[Any, ...] = (
    *("/redfish/v1/Nowhere", "https://elsewhere.example/redfish/v1", "//elsewhere/x", "/redfish/v1/%2e%2e/x", ""),
    *("/redfish/v1", None, 7, "redfish/v1/Chassis", "/redfish/v1/Chassis/", "/redfish/v1/a b|c"),
)


def sample(tree: Tree, most: int, rng: random.Random) -> Tree:
    """Return a part of a big tree: whole documents, the root and the collections first."""
    if len(tree) <= most:
        return dict(tree)
    kept = [u for u in tree if u.count("/") <= 3]
    others = [u for u in tree if u.count("/") > 3]
    return {u: tree[u] for u in [*kept[:most], *rng.sample(others, max(0, most - len(kept)))]}


def mutated(tree: Tree, seed: int, most: int = 150) -> Tree:
    """Return a damaged copy: some documents gone, some answering errors, values and links of others changed."""
    rng = random.Random(seed)
    found = sample(tree, most, rng)
    for uri in rng.sample(list(found), max(1, len(found) // 3)):
        _DAMAGES[rng.randrange(len(_DAMAGES))](found, uri, rng)
    return found


def _drop(tree: Tree, uri: str, rng: random.Random) -> None:
    del tree[uri]


def _answer_error(tree: Tree, uri: str, rng: random.Random) -> None:
    tree[uri] = {"error": {"code": "Base.1.18.GeneralError"}} if rng.random() < 0.7 else rng.choice([None, [], "no", 3])


def _change_values(tree: Tree, uri: str, rng: random.Random) -> None:
    def change(key: str, value: Any) -> Any:
        return rng.choice(_SWAPS) if rng.random() < 0.3 and key not in ("@odata.id", "@odata.type") else value

    tree[uri] = _walked(tree[uri], change)


def _cut_links(tree: Tree, uri: str, rng: random.Random) -> None:
    def change(key: str, value: Any) -> Any:
        linking = key in ("@odata.id", "DataSourceUri", "Members@odata.nextLink")
        return rng.choice(_LINKS) if linking and rng.random() < 0.5 else value

    tree[uri] = _walked(tree[uri], change)


def _remove_values(tree: Tree, uri: str, rng: random.Random) -> None:
    body = tree[uri]
    if isinstance(body, dict):
        tree[uri] = {k: v for k, v in body.items() if rng.random() > 0.4}


def _respell(tree: Tree, uri: str, rng: random.Random) -> None:
    body = tree[uri]
    if isinstance(body, dict):
        tree[uri] = {(k.lower() if rng.random() < 0.5 else k): v for k, v in body.items()}


def _double(tree: Tree, uri: str, rng: random.Random) -> None:
    body = copy.deepcopy(tree[uri])
    members = body.get("Members") if isinstance(body, dict) else None
    if isinstance(members, list):
        body["Members"] = [*members, *members, {"@odata.id": uri}, {}, None, "x", {"Id": "inline", "Reading": 5}]
        tree[uri] = body
    else:
        tree[uri + "/Copy"] = body


_DAMAGES: tuple[Callable[[Tree, str, random.Random], None], ...] = (
    *(_drop, _answer_error, _change_values, _cut_links, _remove_values, _respell, _double),
)


def _walked(value: Any, change: Callable[[str, Any], Any], key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: change(k, _walked(v, change, k)) for k, v in value.items()}
    if isinstance(value, list):
        return [_walked(v, change, key) for v in value]
    return value


def numbers_by_uri(tree: Mapping[str, Any], properties: frozenset[str]) -> dict[str, list[float]]:
    """Return every number that stands in one of `properties`, by the URI of the resource it is written in.

    A resource counts where it is filed and where a copy of it stands: inside a collection, inside another resource, as
    a line of a metric report.
    """
    found: dict[str, list[float]] = {}
    for uri, body in tree.items():
        found.setdefault(_bare(uri), []).extend(_numbers(body, properties))
        for inner in _objects(body):
            own = inner.get("@odata.id", inner.get("@odata.ID", inner.get("MetricProperty")))
            if isinstance(own, str) and inner is not body:
                found.setdefault(_bare(own), []).extend(_numbers(inner, properties))
    return found


def _bare(uri: str) -> str:
    return uri.partition("#")[0].rstrip("/")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield node
            stack += node.values()
        elif isinstance(node, list):
            stack += node


def _numbers(body: Any, properties: frozenset[str]) -> Iterator[float]:
    for node in _objects(body):
        for key, value in node.items():
            if key.lower() not in properties or isinstance(value, bool):
                continue
            if isinstance(value, int | float):
                yield float(value)
            elif isinstance(value, str) and (match := _NUMBER.match(value)):
                yield float(match[1])
