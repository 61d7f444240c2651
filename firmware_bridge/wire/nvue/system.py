"""What NVOS says of itself: version, health and its issues, applications, partitions, temperatures, firmware.

Names: NVOS user manual and NVIDIA's infra-controller (`status`, `issues`, `app-ver`, `num-gpus`); see decision 0020.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from firmware_bridge.vocabulary.quantities import Quantity, code_of
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.nvue.values import branch, count, first
from firmware_bridge.wire.redfish.numbers import number

FABRIC_MANAGER = "nmx-controller"
MOST_ENTRIES = 128
_HEALTH = {"ok": "ok", "not ok": "warning"}
_PARTITION = {"healthy": "ok", "degraded_bandwidth": "warning", "degraded": "warning", "unhealthy": "critical"}
_APP = {"ok": "running", "not ok": "failing"}
_WELL = ("ok", "")


@dataclass(frozen=True, slots=True)
class Health:
    """NVOS' own verdict as a health code (None: it does not say), its issues, and whether one of them is a leak.

    `leak` is a health code: None where neither issues nor sensors say anything about leaks.
    """

    code: float | None
    issues: tuple[tuple[str, str], ...] = ()
    leak: float | None = None


@dataclass(frozen=True, slots=True)
class App:
    """One cluster application: `state` as in FABRIC_MANAGER_CODES, or unknown."""

    name: str
    state: str
    version: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Partition:
    """One NVLink partition: its health as a code (None: unclear) and its GPUs."""

    id: str
    name: str
    code: float | None
    gpus: int | None


def version_of(document: dict[str, Any]) -> str:
    """Return the version of NVOS from `/system/version` (or `/system`), empty when it does not say."""
    image = scrub(first(document, "image", "product-release", "build"), 80)
    return image.removeprefix("nvos-").strip()


def health_of(document: dict[str, Any]) -> Health:
    """Return `/system/health`.  An issue whose component begins with LEAK is a leak."""
    status = document.get("status")
    code = code_of(Quantity.HEALTH, _HEALTH.get(status.strip().lower(), "")) if isinstance(status, str) else None
    listed = document.get("issues")
    issues = tuple(
        (scrub(name, 64), scrub(branch(listed, name).get("issue"), 200)) for name in list(branch(document, "issues"))
    )[:MOST_ENTRIES]
    leaks = [name for name, _ in issues if name.upper().startswith("LEAK")]
    dry = code_of(Quantity.HEALTH, "ok") if isinstance(listed, dict) else None
    leak = code_of(Quantity.HEALTH, "critical") if leaks else dry
    return Health(None if code is None or code != code else code, issues, leak)


def leaks_of(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Return `/platform/environment/leakage` as sensor and state: `OK`, `Critical`, or unknown."""
    words = {"ok": "OK", "leak": "Critical"}
    found = [(name, str(branch(document, name).get("state", "")).strip().lower()) for name in document]
    return [(scrub(name, 64), words.get(state, "unknown")) for name, state in found[:MOST_ENTRIES]]


def apps_of(document: dict[str, Any]) -> list[App]:
    """Return `/cluster/apps`.  An application that is not listed does not run."""
    return [_app(scrub(name, 64), entry) for name, entry in _entries(document)]


def fabric_manager_of(apps: list[App]) -> tuple[float | None, str]:
    """Return the fabric manager's code and what it says; not listed is stopped, an odd status is unknown (None)."""
    found = next((app for app in apps if app.name == FABRIC_MANAGER), None)
    if found is None:
        return code_of(Quantity.FABRIC_MANAGER, "stopped"), ""
    code = code_of(Quantity.FABRIC_MANAGER, found.state)
    return None if code != code else code, found.reason


def partitions_of(document: dict[str, Any]) -> list[Partition]:
    """Return `/sdn/partition`."""
    found = []
    for key, entry in _entries(document):
        health = entry.get("health")
        code = code_of(Quantity.HEALTH, _PARTITION.get(health.lower(), "") if isinstance(health, str) else "")
        name = scrub(entry.get("name"), 64)
        found.append(Partition(scrub(key, 32), name, None if code != code else code, count(entry.get("num-gpus"))))
    return found


def temperatures_of(document: dict[str, Any]) -> dict[str, float | None]:
    """Return `/platform/environment/temperature` in °C by sensor; what is no number is None."""
    return {scrub(name, 64): _celsius(entry.get("current")) for name, entry in _entries(document)}


def firmware_of(document: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Return `/platform/firmware` as component and version it runs."""
    return [
        (scrub(name, 64), scrub(first(entry, "actual-firmware", "version"), 80) or None)
        for name, entry in _entries(document)
    ]


def _app(name: str, entry: dict[str, Any]) -> App:
    status = entry.get("status")
    state = _APP.get(status.strip().lower(), "unknown") if isinstance(status, str) else "unknown"
    told = "; ".join(t for key in ("reason", "addition-info") if (t := scrub(entry.get(key), 120)))
    return App(name, state, scrub(entry.get("app-ver"), 64), told if told.lower() not in _WELL else "")


def _entries(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries that are objects; the others say nothing."""
    return ((k, v) for k, v in list(document.items())[:MOST_ENTRIES] if isinstance(v, dict))


def _celsius(value: Any) -> float | None:
    found = number(value)
    return None if found is None or not -273.15 <= found <= 1_000 else float(found)
