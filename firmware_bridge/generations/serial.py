"""The serial part of a generation: lines, and which units of which tray hang on them.  Refuses shared addresses."""

from firmware_bridge.generations.schema import EndpointFile, RackFile
from firmware_bridge.vocabulary.generation import SerialLine, TrayType, Unit
from firmware_bridge.vocabulary.line import LineSettings
from firmware_bridge.wire.located_yaml import Located
from firmware_bridge.wire.modbus.map_file import span_of


def serial_lines(document: Located, file: RackFile) -> tuple[SerialLine, ...]:
    """Return the rack's lines.  Raises FileInvalid for a name used twice."""
    names: set[str] = set()
    for n, line in enumerate(file.lines):
        if line.name in names:
            raise document.complaint(f"lines[{n}].name", f"expected each name once, {line.name!r} is taken")
        names.add(line.name)
    return tuple(SerialLine(s.name, LineSettings(s.baud, s.parity, s.stop_bits)) for s in file.lines)


def units_of_trays(document: Located, path: str, endpoint: EndpointFile) -> tuple[tuple[Unit, ...], ...]:
    """Return an endpoint's units, one tuple per tray of its type.  Raises FileInvalid."""
    if bool(endpoint.units) != (endpoint.line is not None):
        raise document.complaint(path, "expected units and line together: a serial endpoint has both")
    counts = {len(u.addresses) for u in endpoint.units}
    if len(counts) > 1:
        raise document.complaint(f"{path}.units", "expected the same number of addresses, one per tray, in every entry")
    trays = counts.pop() if counts else 0
    return tuple(
        tuple(u for n in range(len(endpoint.units)) for u in _units(document, path, endpoint, n, tray))
        for tray in range(trays)
    )


def check_units(document: Located, trays: dict[str, TrayType], lines: tuple[SerialLine, ...]) -> None:
    """Refuse a line nobody declared and an address that two units of one line share."""
    known = {line.name for line in lines}
    taken: dict[tuple[str, int], str] = {}
    for name, tray in trays.items():
        for n, endpoint in enumerate(tray.endpoints):
            path = f"tray_types.{name}.endpoints[{n}]"
            if endpoint.line is None:
                continue
            if endpoint.line not in known:
                raise document.complaint(f"{path}.line", f"expected one of lines: {', '.join(sorted(known)) or 'none'}")
            for index, units in enumerate(endpoint.units):
                for unit in units:
                    owner = taken.setdefault((endpoint.line, unit.address), f"{name} {index} {unit.part}".strip())
                    if owner != f"{name} {index} {unit.part}".strip():
                        said = f"expected addresses used once per line, {unit.address:#04x} is also that of {owner}"
                        raise document.complaint(f"{path}.units", said)


def _units(document: Located, path: str, endpoint: EndpointFile, n: int, tray: int) -> list[Unit]:
    stated = endpoint.units[n]
    said = stated.addresses[tray]
    first, last = span_of(document, f"{path}.units[{n}].addresses[{tray}]", said)
    numbered = "-" in str(said)
    return [
        Unit(f"{stated.part}{i}" if numbered else stated.part, address, tuple(stated.maps))
        for i, address in enumerate(range(first, last + 1))
    ]
