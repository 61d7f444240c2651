"""What a Redfish client may change of accounts, sessions and the locate light.  Limits and power have modules."""

from collections.abc import Mapping
from typing import Any

from datacenter_api.commands import error_of, send_command
from datacenter_api.redfish.accounts import ACCOUNTS, ROLES, SESSIONS
from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.redfish_service.messages import RequestRefused, refuse
from firmware_bridge.redfish_service.source import Outcome
from firmware_bridge.vocabulary.errors import CommandRefused, RackwrightError
from rack_controller.model.roles import PRIVILEGES, Privilege, Role

LIGHT = "LocationIndicatorActive"
_ACCOUNT_TYPES: dict[str, type] = {"UserName": str, "Password": str, "RoleId": str, "Enabled": bool}
_OWN = {"Password"}
"""What everybody may change of their own account."""


async def set_light(world: World, tray: TrayLook, changes: Mapping[str, Any], caller: Caller) -> None:
    """Switch the locate light of a tray, through the rack's controller like any command.  Raises RequestRefused."""
    _check_types(changes, {LIGHT: bool}, required=())
    if LIGHT not in changes:
        raise RequestRefused("PropertyMissing", LIGHT, related=(f"#/{LIGHT}",))
    on, place = {"on": changes[LIGHT]}, tray.plan.place
    reply = await send_command(world.parts, caller.who, tray.rack.id, "locate", place, on)
    if not reply.accepted:
        raise error_of(reply, place, "locate")


def make_account(world: World, body: Mapping[str, Any], caller: Caller) -> str:
    """Make an account and return its name.  Raises RequestRefused or an error of our tree."""
    _ask(caller, Privilege.ACCOUNTS)
    _check_types(body, _ACCOUNT_TYPES, required=("UserName", "Password", "RoleId"))
    user, role = body["UserName"], _role(body["RoleId"])
    accounts = world.parts.accounts
    if any(a.user == user for a in accounts.all()):
        raise RequestRefused("ResourceAlreadyExists", "ManagerAccount", "UserName", user, related=("#/UserName",))
    _called("UserName", accounts.create, user, body["Password"], role)
    if body.get("Enabled") is False:
        accounts.change(user, enabled=False)
    _audit(world, caller, "account.create", user, f"role {role}")
    return str(user)


def change_account(world: World, user: str, changes: Mapping[str, Any], caller: Caller) -> None:
    """Change an account: one's own password, or anything of anybody for whoever manages accounts."""
    _known(world, user)
    if not (caller.who.user == user and set(changes) <= _OWN):
        _ask(caller, Privilege.ACCOUNTS)
    if "UserName" in changes:
        raise RequestRefused("PropertyNotWritable", "UserName", related=("#/UserName",))
    _check_types(changes, _ACCOUNT_TYPES, required=())
    role = _role(changes["RoleId"]) if "RoleId" in changes else None
    _called(
        "Password",
        world.parts.accounts.change,
        user,
        password=changes.get("Password"),
        role=role,
        enabled=changes.get("Enabled"),
    )
    world.parts.sessions.close_all(user)
    _audit(world, caller, "account.change", user, ", ".join(sorted(changes)))


def remove_account(world: World, user: str, caller: Caller) -> Outcome:
    """Delete an account and end its sessions."""
    _ask(caller, Privilege.ACCOUNTS)
    _known(world, user)
    world.parts.accounts.remove(user)
    world.parts.sessions.close_all(user)
    _audit(world, caller, "account.remove", user, "")
    return Outcome(204)


def end_session(world: World, session_id: str, caller: Caller) -> Outcome:
    """End a session of one's own, or anybody's for whoever manages accounts."""
    all_of_them = Privilege.ACCOUNTS in PRIVILEGES[caller.who.role]
    found = next((s for s in world.parts.sessions.all() if s.id == session_id), None)
    if found is None or not (all_of_them or found.user == caller.who.user):
        raise RequestRefused("ResourceMissingAtURI", f"{SESSIONS}/{session_id}")
    world.parts.sessions.close(session_id)
    _audit(world, caller, "session.end", found.user, session_id)
    return Outcome(204)


def account_uri(user: str) -> str:
    """Return where an account is."""
    return f"{ACCOUNTS}/{user}"


def _known(world: World, user: str) -> None:
    if not any(a.user == user for a in world.parts.accounts.all()):
        raise RequestRefused("ResourceMissingAtURI", account_uri(user))


def _ask(caller: Caller, privilege: Privilege) -> None:
    if privilege not in PRIVILEGES[caller.who.role]:
        raise RequestRefused("InsufficientPrivilege")


def _role(role_id: str) -> Role:
    if role_id not in ROLES:
        raise RequestRefused("PropertyValueNotInList", role_id, "RoleId", related=("#/RoleId",))
    return ROLES[role_id]


def _check_types(body: Mapping[str, Any], known: Mapping[str, type], required: tuple[str, ...]) -> None:
    """Refuse what is missing, unknown or of the wrong type, each property with its own message."""
    faults = [_fault("PropertyMissing", name) for name in required if name not in body]
    for name, value in body.items():
        if name.startswith("@odata."):
            continue
        if name not in known:
            faults.append(_fault("PropertyUnknown", name))
        elif type(value) is not known[name]:
            shown = "(not shown)" if name == "Password" else str(value)[:64]
            faults.append(_fault("PropertyValueTypeError", name, shown))
    refuse(faults)


def _fault(message: str, name: str, *before: str) -> RequestRefused:
    return RequestRefused(message, *before, name, related=(f"#/{name}",))


def _called(fault: str, change: Any, *args: Any, **named: Any) -> None:
    """Change an account; what its rules refuse is the fault of the property that they are about."""
    try:
        change(*args, **named)
    except CommandRefused:
        raise
    except RackwrightError as err:
        name = "Password" if "password" in err.what else fault
        raise RequestRefused("PropertyValueFormatError", "(not shown)", name, related=(f"#/{name}",)) from err


def _audit(world: World, caller: Caller, what: str, target: str, detail: str) -> None:
    world.parts.store.audit(caller.who.user, caller.who.address, what, target, "ok", detail)
