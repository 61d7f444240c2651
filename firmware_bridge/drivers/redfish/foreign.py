"""Collections behind a maker's own links, found by what they hold: a few steps from the enclosures, and no further."""

from firmware_bridge.drivers.redfish.tree import ROOT, Tree
from firmware_bridge.wire.redfish.catalog import type_of
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import every_link, member_links, resolved, tidy

_MOST_STEPS = 3
_MOST_DOCUMENTS = 32
# What lies behind these is bulk, or a way back to what is known.
_SKIPPED = frozenset({"Links", "Actions", "LogServices", "RelatedItem", "Assembly", "Policies"})


async def collections_of(tree: Tree, sources: list[Document], schema: str) -> list[str]:
    """Return the collections behind the Oem links of `sources` whose members are of `schema`, by type or its last word.

    Asked only where the standard's own links lead to none.
    """
    found: list[str] = []
    seen: set[str] = set()
    wave = [uri for document in sources for uri in _links(document.get("Oem"), seen)]
    for _ in range(_MOST_STEPS):
        following: list[str] = []
        for uri in wave[: max(0, _MOST_DOCUMENTS - len(seen))]:
            seen.add(uri)
            document = await tree.get(uri)
            if document is None:
                continue
            listed = member_links(document)
            if listed and await _holds(tree, listed[0], schema):
                found.append(uri)
            else:
                following += _links(document, seen)
        wave = following
    return list(dict.fromkeys(found))


async def _holds(tree: Tree, member: str, schema: str) -> bool:
    document = await tree.get(member)
    return document is not None and type_of(document).endswith(schema)


def _links(value: object, seen: set[str]) -> list[str]:
    """Return the links below `value` that stay on the endpoint and were not followed yet."""
    found: dict[str, None] = {}
    for link in every_link(value, _SKIPPED):
        try:
            uri = tidy(resolved(link, ROOT)[0])
        except ValueError:
            continue
        if uri.startswith(ROOT) and uri not in seen:
            found[uri] = None
    return list(found)
