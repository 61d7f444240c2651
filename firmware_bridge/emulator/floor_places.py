"""Where a test floor's instruments measure at a rack: places below it by kind of part, bottom up.  Pure."""

from firmware_bridge.emulator.nvlinks import ACCESS, port_names
from firmware_bridge.vocabulary.generation import Generation, TrayKind

_TRAYS = {
    TrayKind.COMPUTE: "tray",
    TrayKind.SWITCH: "switch",
    TrayKind.POWER_SHELF: "shelf",
    TrayKind.BATTERY_SHELF: "battery",
    TrayKind.COOLANT_UNIT: "cdu",
}


def floor_places(generation: Generation) -> dict[str, tuple[str, ...]]:
    """Return the places of each kind: `tray`, `gpu`, …, `port` for the ports towards GPUs, `feedphase`, `rack`.

    A design that does not say how its NVLink is wired has no such ports.
    """
    found: dict[str, list[str]] = {"rack": ["rack"]}
    wired = any(d.nvlink is not None for d in generation.domains)
    for kind, name in _TRAYS.items():
        for slot in generation.slots_of(kind):
            found.setdefault(name, []).append(slot.name)
            for part in slot.tray.components:
                if part.name != ACCESS:
                    found.setdefault(part.name, []).extend(f"{slot.name}/{part.name}{n}" for n in range(part.count))
            if kind is TrayKind.SWITCH and wired:
                ports = [n for n in port_names(slot) if n.startswith(ACCESS)]
                found.setdefault("port", []).extend(f"{slot.name}/{n}" for n in ports)
    found["feedphase"] = [f"feed-{f.name}/l{n + 1}" for f in generation.feeds for n in range(f.phases)]
    return {kind: tuple(places) for kind, places in found.items()}
