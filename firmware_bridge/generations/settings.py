"""Settings and place checks of a generation's endpoints, joined to the tray types they are for.  Refuses strangers."""

from dataclasses import replace

from firmware_bridge.generations.schema import PlaceCheckFile, RackFile, SettingFile
from firmware_bridge.vocabulary.generation import EndpointSpec, TrayType
from firmware_bridge.vocabulary.settings import PlaceCheck, Setting, SettingKind, SlotSays
from firmware_bridge.wire.located_yaml import Located


def with_settings(document: Located, file: RackFile, trays: dict[str, TrayType]) -> dict[str, TrayType]:
    """Return the tray types with what their endpoints must be set to and say of their place.  Raises FileInvalid."""
    known = {f"{name}/{e.name}" for name, tray in trays.items() for e in tray.endpoints}
    for section, keys in (("settings", file.settings), ("place_checks", file.place_checks)):
        for key in keys:
            if key not in known:
                raise document.complaint(f"{section}.{key}", f"expected one of {', '.join(sorted(known))}")
    for key, settings in file.settings.items():
        for n, setting in enumerate(settings):
            _check_setting(document, f"settings.{key}[{n}]", setting)
    for key, checks in file.place_checks.items():
        for n, check in enumerate(checks):
            _check_place(document, f"place_checks.{key}[{n}]", check, trays)
    return {
        name: replace(tray, endpoints=tuple(_endpoint(file, name, e) for e in tray.endpoints))
        for name, tray in trays.items()
    }


def _check_setting(document: Located, path: str, setting: SettingFile) -> None:
    if setting.kind is SettingKind.PROPERTY and not setting.wanted:
        raise document.complaint(f"{path}.wanted", "expected the values that are right")
    if setting.kind is SettingKind.NEIGHBOURS:
        raise document.complaint(f"{path}.kind", "expected property, clock or subscriptions")
    if setting.kind is SettingKind.CLOCK and setting.most_s is None:
        raise document.complaint(f"{path}.most_s", "expected how many s a clock may be off")


def _check_place(document: Located, path: str, check: PlaceCheckFile, trays: dict[str, TrayType]) -> None:
    if check.says is SlotSays.ORDINAL and (not check.of or not set(check.of) <= trays.keys()):
        raise document.complaint(f"{path}.of", f"expected the tray types that are counted: {', '.join(sorted(trays))}")


def _endpoint(file: RackFile, tray: str, endpoint: EndpointSpec) -> EndpointSpec:
    key = f"{tray}/{endpoint.name}"
    settings = tuple(_setting(s) for s in file.settings.get(key, ()))
    checks = tuple(_place(c) for c in file.place_checks.get(key, ()))
    return replace(endpoint, settings=settings, place_checks=checks) if settings or checks else endpoint


def _setting(s: SettingFile) -> Setting:
    return Setting(
        s.name, s.title, tuple(s.read), s.kind, tuple(s.wanted), s.most_s, s.required, s.fix, s.source, s.confirmed
    )


def _place(c: PlaceCheckFile) -> PlaceCheck:
    return PlaceCheck(c.name, tuple(c.read), c.says, c.offset, tuple(c.of), c.source, c.confirmed)
