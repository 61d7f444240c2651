"""The CertificateService's actions: a signing request, and another certificate for this service.

Each is in the audit trail with its outcome; keys and passwords never are.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from datacenter_api.auth.signing_request import CURVE, CURVES, NAME_PARTS, RSA, RSA_BITS, make_key
from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.certificates import GENERATE, OF_SERVICE, REPLACE, SERVICE, SHOWN, TYPES
from datacenter_api.redfish.world import World
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.source import Document, Outcome
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit, RackwrightError

GENERATE_AT, REPLACE_AT = f"{SERVICE}/Actions/{GENERATE}", f"{SERVICE}/Actions/{REPLACE}"
MOST_HOSTS, MOST_LENGTH, MOST_TOLD = 100, 255, 512
_KEY_PARTS: dict[str, tuple[object, ...]] = {
    "KeyPairAlgorithm": (CURVE, RSA),
    "KeyCurveId": tuple(CURVES),
    "KeyBitLength": RSA_BITS,
}
_REPLACING = ("CertificateString", "CertificateType", "CertificateUri", "Password")


def methods(uri: str) -> str:
    """Return what an action's target takes."""
    return "POST" if uri in (GENERATE_AT, REPLACE_AT) else ""


async def post(world: World, uri: str, body: Mapping[str, Any], caller: Caller) -> Outcome:
    """Run an action.  Raises RequestRefused, and EnvironmentUnfit where files cannot be written."""
    action = uri.rsplit("/", 1)[1]
    what = "certificate.request" if action == GENERATE else "certificate.replace"
    try:
        done, detail = await (_generate(world, body) if action == GENERATE else _replace(world, body))
    except RackwrightError as err:
        _audit(world, caller, what, "refused", err.what)
        raise
    _audit(world, caller, what, "ok", detail)
    return done


async def _generate(world: World, body: Mapping[str, Any]) -> tuple[Outcome, str]:
    _known(body, (*NAME_PARTS, "AlternativeNames", "CertificateCollection", *_KEY_PARTS), GENERATE)
    _linked(body, "CertificateCollection", OF_SERVICE, GENERATE)
    name = {part: _text(body, part, GENERATE) for part in NAME_PARTS if part in body}
    if "CommonName" not in name:
        raise RequestRefused("ActionParameterMissing", GENERATE, "CommonName")
    chosen = {part: _one_of(body[part], part, values) for part, values in _KEY_PARTS.items() if part in body}
    hosts = list(dict.fromkeys([name["CommonName"], *_hosts(body)]))
    key = await asyncio.to_thread(
        make_key,
        **{
            word: chosen[part]
            for part, word in zip(_KEY_PARTS, ("algorithm", "curve", "bits"), strict=True)
            if part in chosen
        },
    )
    try:
        text = world.parts.certificate.request(key, name, hosts)
    except EnvironmentUnfit:
        raise
    except ConfigurationError as err:
        raise _wrong("CommonName", GENERATE, err) from err
    said = {"CSRString": text, "CertificateCollection": {"@odata.id": OF_SERVICE}}
    return Outcome(200, Document(orjson.dumps(said))), ", ".join(hosts)


async def _replace(world: World, body: Mapping[str, Any]) -> tuple[Outcome, str]:
    _known(body, _REPLACING, REPLACE)
    for part in _REPLACING[:3]:
        if part not in body:
            raise RequestRefused("ActionParameterMissing", REPLACE, part)
    _linked(body, "CertificateUri", SHOWN, REPLACE)
    kind = _one_of(body["CertificateType"], "CertificateType", TYPES, REPLACE)
    text, password = body["CertificateString"], body.get("Password")
    if not isinstance(text, str):
        raise RequestRefused("ActionParameterValueTypeError", "(not shown)", "CertificateString", REPLACE)
    if password is not None and not isinstance(password, str):
        raise RequestRefused("ActionParameterValueTypeError", "(not shown)", "Password", REPLACE)
    if kind == "PEM" and text.count("BEGIN CERTIFICATE") > 1:
        raise RequestRefused("ActionParameterValueConflict", "CertificateType", kind, detail="It is a PEMchain.")
    try:
        served = world.parts.certificate.replace(text, password, datetime.now(UTC))
    except EnvironmentUnfit:
        raise
    except ConfigurationError as err:
        raise _wrong("CertificateString", REPLACE, err) from err
    world.changed += 1
    until = served.not_valid_after_utc
    return Outcome(204), f"{served.subject.rfc4514_string()} until {until:%Y-%m-%d}, serial {served.serial_number:x}"


def _hosts(body: Mapping[str, Any]) -> list[str]:
    hosts = body.get("AlternativeNames", [])
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise RequestRefused("ActionParameterValueTypeError", str(hosts)[:64], "AlternativeNames", GENERATE)
    if len(hosts) > MOST_HOSTS:
        raise RequestRefused("ArraySizeTooLong", "AlternativeNames", str(MOST_HOSTS))
    for host in hosts:
        if not 0 < len(host) <= MOST_LENGTH:
            raise RequestRefused("ActionParameterValueFormatError", host[:64], "AlternativeNames", GENERATE)
    return hosts


def _text(body: Mapping[str, Any], part: str, action: str) -> str:
    value = body[part]
    if not isinstance(value, str):
        raise RequestRefused("ActionParameterValueTypeError", str(value)[:64], part, action)
    if not 0 < len(value) <= MOST_LENGTH:
        raise RequestRefused("ActionParameterValueFormatError", value[:64], part, action)
    return value


def _one_of(value: Any, part: str, values: tuple[object, ...], action: str = GENERATE) -> Any:
    if type(value) is not type(values[0]):
        raise RequestRefused("ActionParameterValueTypeError", str(value)[:64], part, action)
    if value not in values:
        raise RequestRefused("ActionParameterValueNotInList", str(value)[:64], part, action)
    return value


def _linked(body: Mapping[str, Any], part: str, uri: str, action: str) -> None:
    """Refuse a reference that is missing, is none, or leads anywhere but to the service's own."""
    if part not in body:
        raise RequestRefused("ActionParameterMissing", action, part)
    link = body[part]
    at = link.get("@odata.id") if isinstance(link, dict) else link
    if not isinstance(at, str):
        raise RequestRefused("ActionParameterValueTypeError", str(link)[:64], part, action)
    if at.rstrip("/") != uri:
        raise RequestRefused("ActionParameterValueError", part, action, detail=f"It is {uri}.")


def _known(body: Mapping[str, Any], parts: tuple[str, ...], action: str) -> None:
    for name in body:
        if name not in parts:
            raise RequestRefused("ActionParameterNotSupported", name[:64], action)


def _wrong(part: str, action: str, err: ConfigurationError) -> RequestRefused:
    return RequestRefused("ActionParameterValueError", part, action, detail=str(err)[:MOST_TOLD])


def _audit(world: World, caller: Caller, what: str, outcome: str, detail: str) -> None:
    world.parts.store.audit(caller.who.user, caller.who.address, what, SHOWN, outcome, detail[:MOST_TOLD])
