"""A tray's power and boot source as they travel on `state`."""

import msgspec

from firmware_bridge.vocabulary.power import BootSight, PowerSight


class BootView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A boot source override: target and mode in Redfish's spelling, `span` once, continuous or disabled.

    `targets`, `spans` and `modes` are what the device takes, empty where it does not say.
    """

    target: str
    span: str
    mode: str = ""
    targets: list[str] = []
    spans: list[str] = []
    modes: list[str] = []


class PowerLook(msgspec.Struct, frozen=True):
    """One look at a tray's power through its controller, `age_s` old.

    `state` and `depth` as PowerState and PowerDepth, `actions` what can be asked (PowerAction); markers differ after a
    restart of the host and of its controller, empty where it does not tell.
    """

    place: str
    state: str
    depth: str
    boot_marker: str
    controller_marker: str
    actions: list[str]
    boot: BootView | None
    age_s: float


def boot_view(boot: BootSight | None) -> BootView | None:
    """Return a boot source as it travels."""
    if boot is None:
        return None
    return BootView(
        boot.target, boot.span, boot.mode, list(boot.targets), [str(s) for s in boot.spans], list(boot.modes)
    )


def power_look(place: str, sight: PowerSight, boot: BootSight | None, age_s: float) -> PowerLook:
    """Return a sight as it travels."""
    return PowerLook(
        place,
        sight.state,
        sight.depth,
        sight.boot_marker,
        sight.controller_marker,
        sorted(sight.allowed),
        boot_view(boot),
        round(age_s, 3),
    )
