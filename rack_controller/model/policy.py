"""The policy envelope `{kind, schema, selector, spec}`: what the operator wants, apart from what it means."""

from typing import Any

import msgspec

from firmware_bridge.vocabulary.place import Place

KNOWN_SCHEMA = 1


class Selector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which racks a policy covers; both lists empty means every rack of the site."""

    racks: list[str] = []
    generations: list[str] = []


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One policy.  `spec` belongs to its kind; the envelope does not look inside."""

    kind: str
    schema: int
    spec: dict[str, Any]
    selector: Selector = Selector()


class Change(msgspec.Struct, frozen=True):
    """One difference between two policies, at a dotted path of the spec."""

    path: str
    before: Any
    after: Any


def parse_policy(document: object) -> Policy:
    """Check the envelope.  Raises ValueError with the field's path, or for a schema newer than we know."""
    try:
        policy = msgspec.convert(document, Policy)
    except msgspec.ValidationError as err:
        raise ValueError(str(err)) from err
    return check_schema(policy)


def check_schema(policy: Policy) -> Policy:
    """Return the policy.  Raises ValueError for a schema newer than this version knows."""
    if policy.schema > KNOWN_SCHEMA:
        raise ValueError(f"schema {policy.schema} is newer than {KNOWN_SCHEMA}, which this version knows")
    return policy


def selects(policy: Policy, rack: Place, generation: str) -> bool:
    """Return whether the policy covers this rack."""
    chosen = policy.selector
    return (not chosen.racks or rack in chosen.racks) and (not chosen.generations or generation in chosen.generations)


def diff_specs(before: dict[str, Any], after: dict[str, Any], path: str = "") -> list[Change]:
    """Return what changes between two specs, by path, in order."""
    changes: list[Change] = []
    for key in sorted(before.keys() | after.keys()):
        old, new, at = before.get(key), after.get(key), f"{path}.{key}" if path else key
        if isinstance(old, dict) and isinstance(new, dict):
            changes.extend(diff_specs(old, new, at))
        elif old != new:
            changes.append(Change(at, old, new))
    return changes
