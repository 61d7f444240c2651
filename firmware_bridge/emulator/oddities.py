"""What a device file says of its own oddities: as recorded, or sound as the schema wants it.  Plain data in and out.

An entry's `sound` is laid over its body; `$gone` takes a property away.  `when` keeps an entry for one of the two.
"""

from typing import Any

ODD, SOUND = "odd", "sound"
GONE = {"$gone": True}


def as_wanted(document: dict[str, Any], *, sound: bool) -> dict[str, Any]:
    """Return a device file's document with its oddities (False) or without them (True).

    Raises ValueError for a `when` that is neither `odd` nor `sound`.
    """
    kept = []
    for entry in document["resources"]:
        when = entry.get("when")
        if when not in (None, ODD, SOUND):
            raise ValueError(f"`when` is odd or sound, not {when!r}")
        if when is not None and (when == SOUND) != sound:
            continue
        if sound and "sound" in entry:
            entry = {**entry, "body": _laid_over(entry["body"], entry["sound"])}
        kept.append(entry)
    return {**document, "resources": kept}


def identified(bodies: dict[str, dict[str, Any]]) -> None:
    """Give every member of a collection the last part of its URI as its Id (DSP0266 6.5.3)."""
    for uri, body in bodies.items():
        above, _, segment = uri.rpartition("/")
        if "Id" in body and "Members" in bodies.get(above, {}):
            body["Id"] = segment


def _laid_over(body: Any, over: Any) -> Any:
    if not isinstance(body, dict) or not isinstance(over, dict) or any(k.startswith("$") for k in over):
        return over
    merged = {k: _laid_over(body[k], over[k]) if k in over else v for k, v in body.items()}
    merged |= {k: v for k, v in over.items() if k not in body}
    return {k: v for k, v in merged.items() if v != GONE}
