"""Reads settings of a Redfish endpoint wherever its generation says they stand.  Judges and writes nothing.

`*` in a URI stands for the members of the collection before it.  What is not there is left out: unknown, never a guess.
"""

import datetime
import fnmatch
from collections.abc import Iterable, Sequence
from typing import Any

from firmware_bridge.drivers.redfish.identify import read_identity
from firmware_bridge.drivers.redfish.link import NORMAL, PATIENT, RedfishLink
from firmware_bridge.drivers.redfish.neighbours import read_neighbours
from firmware_bridge.drivers.redfish.tree import Tree
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EndpointUnreachable, LoginRefused
from firmware_bridge.vocabulary.neighbour import SeenNeighbour
from firmware_bridge.vocabulary.settings import Examination, Found, Question, Scalar, SettingKind
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.redfish.guard import Document, parse

MOST_PLACES = 64
MOST_TEXT = 200
NOBODY = "none"


async def examine(
    link: RedfishLink, clock: Clock, questions: Sequence[Question], own: frozenset[str] = frozenset()
) -> Examination:
    """Return what the endpoint says to each question, and which part it is.  `own` are the URIs of our subscriptions.

    Raises what the link raises for the service root, and when the endpoint goes silent.
    """
    tree = Tree(link, PATIENT)
    await tree.root()
    identity = await read_identity(tree)
    found: dict[str, tuple[Found, ...]] = {}
    neighbours: tuple[SeenNeighbour, ...] = ()
    for question in questions:
        if question.kind is SettingKind.NEIGHBOURS:
            neighbours = await read_neighbours(tree)
            continue
        answers: list[Found] = []
        for where in question.read:
            pattern, _, pointer = where.partition("#")
            if question.kind is SettingKind.SUBSCRIPTIONS:
                answers += await _strangers(tree, pattern, pointer, own)
                continue
            for uri in await _places(tree, pattern):
                answers += await _answers(tree, link, clock, question.kind, uri, pointer)
        found[question.name] = tuple(answers)
    return Examination(identity, found, neighbours=neighbours)


async def _strangers(tree: Tree, pattern: str, pointer: str, own: frozenset[str]) -> list[Found]:
    """Return who else subscribes to the endpoint's events, `none` when the list could be read and names nobody else.

    Streams count as ours while it is not known which one is: they end with whoever holds them.
    """
    collection = pattern.rpartition("/")[0]
    members = await tree.members(collection)
    if tree.documents.get(collection) is None:
        return []
    others = [
        Found(uri, pointer, value_at(document, pointer) or value_at(document, "/Id") or "somebody")
        for uri, document in members
        if uri not in own and (own or value_at(document, "/SubscriptionType") != "SSE")
    ]
    return others or [Found(collection, pointer, NOBODY)]


async def _places(tree: Tree, pattern: str) -> list[str]:
    """Return the URIs that a pattern stands for, as far as their collections list them."""
    places = [""]
    for step in pattern.strip("/").split("/"):
        if "*" not in step:
            places = [f"{place}/{step}" for place in places]
            continue
        found: list[str] = []
        for place in places:
            members = await tree.members(place)
            found += [uri for uri, _ in members if fnmatch.fnmatchcase(uri.rsplit("/", 1)[-1], step)]
        places = found[:MOST_PLACES]
    return places


async def _answers(
    tree: Tree, link: RedfishLink, clock: Clock, kind: SettingKind, uri: str, pointer: str
) -> Iterable[Found]:
    if kind is SettingKind.CLOCK:
        return await _clock(link, clock, uri, pointer)
    document = await tree.get(uri)
    value = value_at(document, pointer) if document is not None else None
    if value is None:
        return []
    return [Found(uri, pointer, value)]


async def _clock(link: RedfishLink, clock: Clock, uri: str, pointer: str) -> Iterable[Found]:
    """Return how far a clock is from ours: its time less ours in the middle of the request, half of which is doubt."""
    limits = link.limits
    before = clock.unix_ns()
    try:
        document = await link.get_decoded(uri, lambda raw: parse(raw, limits.most_bytes, limits.most_depth), NORMAL)
    except (EndpointUnreachable, LoginRefused):
        raise
    except DeviceError:
        return []
    after = clock.unix_ns()
    said = value_at(document, pointer)
    stands = _unix_s(said) if isinstance(said, str) else None
    if stands is None:
        return []
    middle, half = (before + after) / 2e9, (after - before) / 2e9
    # A clock that says whole seconds may be up to one further: its doubt, not its fault.
    coarse = 0.0 if isinstance(said, str) and "." in said else 0.5
    return [Found(uri, pointer, round(stands + coarse - middle, 3), round(half + coarse, 3))]


def value_at(document: Document | None, pointer: str) -> Scalar:
    """Return the scalar at a JSON pointer, None when there is none; text is scrubbed."""
    node: Any = document
    for step in pointer.strip("/").split("/"):
        node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
    if isinstance(node, str):
        return scrub(node, MOST_TEXT)
    return node if isinstance(node, bool | int | float) else None


def nested(pointer: str, value: Scalar) -> Document:
    """Return the body of a PATCH that sets `pointer` to `value`."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.strip("/").split("/")]
    body: Any = value
    for step in reversed(steps):
        body = {step: body}
    return dict(body)


def _unix_s(text: str) -> float | None:
    try:
        stands = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if stands.tzinfo is None else stands.timestamp()
