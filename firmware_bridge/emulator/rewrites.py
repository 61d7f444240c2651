"""Faults that are only in what a body says: bytes in, bytes out.  Nothing here knows a connection."""

import json
import re
from collections.abc import Callable

from firmware_bridge.emulator.cabling import octets
from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import Fault

_NUMBER = re.compile(rb'"(Reading|MetricValue|SetPoint|Members@odata\.count)":-?[0-9.eE+-]+')
_VERSION = re.compile(rb'"(FirmwareVersion|Version|BiosVersion)":"[^"]*"')
_CLOCK = re.compile(rb'"(DateTime)":"[^"]*"')
_SLOT = re.compile(rb'"(ChassisPhysicalSlotNumber|TraySlotNumber)":\d+')
_INDEX = re.compile(rb'"(ComputeTrayIndex|TraySlotIndex)":\d+')
_HEARD = re.compile(rb'"(SystemName|system-name)":"[^"]*"')
_PORT_OCTETS, _PORT_NAME = re.compile(rb'"(PortId)":"[^"]*"'), re.compile(rb'"(port)":\{"name":"[^"]*"')
_NAME = re.compile(rb'"(Name)":"')
_LINK = re.compile(rb'(\[\{|":\{)"@odata\.id":"[^"]*"')
_MALICE = rb"\\r\\nlocation: x\\u001b[31m\\u202e\\u2066"


def _nan(body: bytes, fault: Fault) -> bytes:
    wrong = _NUMBER.sub(rb'"\1":NaN', body, count=1)
    return wrong if wrong != body else b'{"Reading":NaN}'


def _stale(body: bytes, fault: Fault) -> bytes:
    text = fault.text.encode("ascii", "replace").replace(b'"', b"'").replace(b"\\", b"/")
    return _VERSION.sub(lambda m: b'"' + m[1] + b'":"' + text + b'"', body)


def _elsewhere(body: bytes, fault: Fault) -> bytes:
    slot, _, index = fault.text.partition("/")
    for pattern, number in ((_SLOT, slot), (_INDEX, index)):
        if number.isdigit():
            body = pattern.sub(rb'"\1":' + number.encode(), body)
    return body


def _replugged(body: bytes, fault: Fault) -> bytes:
    system, _, port = re.sub(r"[^A-Za-z0-9./_-]", "_", fault.text).partition("/")
    for pattern, said in ((_HEARD, system), (_PORT_OCTETS, octets(port))):
        body = pattern.sub(rb'"\1":"' + said.encode() + b'"', body)
    return _PORT_NAME.sub(rb'"\1":{"name":"' + port.encode() + b'"', body)


def _says(body: bytes, fault: Fault) -> bytes:
    name, _, value = fault.text.partition("=")
    try:
        written = json.dumps(json.loads(value))
    except ValueError:
        written = json.dumps(value)
    said = re.compile(rb'"' + re.escape(name.encode()) + rb'":("(?:[^"\\]|\\.)*"|[^,\]}\[{]+)')
    return said.sub(lambda m: b'"' + name.encode() + b'":' + written.encode(), body)


def _linked(body: bytes, fault: Fault) -> bytes:
    target = fault.location.encode("ascii", "replace").replace(b'"', b"%22").replace(b"\\", b"%5c")
    return _LINK.sub(lambda m: m[1] + b'"@odata.id":"' + target + b'"', body, count=1)


REWRITES: dict[FaultKind, Callable[[bytes, Fault], bytes]] = {
    FaultKind.NAN: _nan,
    FaultKind.STALE_VERSION: _stale,
    FaultKind.CLOCK_1970: lambda body, fault: _CLOCK.sub(rb'"\1":"1970-01-01T00:00:42+00:00"', body),
    FaultKind.OTHER_PLACE: _elsewhere,
    FaultKind.OTHER_NEIGHBOUR: _replugged,
    FaultKind.SAYS: _says,
    FaultKind.HOSTILE_TEXT: lambda body, fault: _NAME.sub(rb'"\1":"' + _MALICE, body),
    FaultKind.FOREIGN_LINK: _linked,
}
