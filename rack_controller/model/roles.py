"""Who may do what: five roles, the privileges each has, and the Redfish privileges they stand for."""

from enum import StrEnum


class Role(StrEnum):
    """Roles are not a ladder: a safety engineer clears latches, an operator does not; a technician sets no caps."""

    VIEWER = "viewer"
    TECHNICIAN = "technician"
    OPERATOR = "operator"
    SAFETY = "safety"
    ADMIN = "admin"


class Privilege(StrEnum):
    """What a route or a command verb asks for.

    `firmware` pushes images, `shelf` switches power shelves.  `shut` turns one tray's host off, `power` does anything
    to one tray's power, `power_many` to several at a time.
    `coolant` sets targets of a coolant unit, which carries a whole rack's heat, stops and starts it.
    `silence` shelves alarms and takes them out of service.
    `prove` hands in records and evidence, sees prices, freezes and signs.
    """

    READ = "read"
    LOCATE = "locate"
    SERVICE = "service"
    OPERATE = "operate"
    LIMIT = "limit"
    COOLANT = "coolant"
    FIRMWARE = "firmware"
    SHELF = "shelf"
    SHUT = "shut"
    POWER = "power"
    POWER_MANY = "power_many"
    INTERLOCK = "interlock"
    SILENCE = "silence"
    PROVE = "prove"
    ACCOUNTS = "accounts"
    CONFIGURE = "configure"
    OWN_ACCOUNT = "own_account"


_P = Privilege
_EVERYBODY = frozenset({_P.READ, _P.OWN_ACCOUNT})

PRIVILEGES: dict[Role, frozenset[Privilege]] = {
    Role.VIEWER: _EVERYBODY,
    Role.TECHNICIAN: _EVERYBODY | {_P.LOCATE, _P.SERVICE},
    Role.OPERATOR: _EVERYBODY
    | {_P.LOCATE, _P.SERVICE, _P.OPERATE, _P.LIMIT, _P.FIRMWARE, _P.SHUT, _P.POWER, _P.SILENCE, _P.PROVE},
    Role.SAFETY: _EVERYBODY | {_P.LOCATE, _P.SERVICE, _P.INTERLOCK, _P.COOLANT, _P.SHUT, _P.SILENCE},
    Role.ADMIN: frozenset(Privilege),
}

# DSP0266 names; the northbound Redfish service maps its own roles through this table.
REDFISH_PRIVILEGES: dict[Privilege, str] = {
    _P.READ: "Login",
    _P.OWN_ACCOUNT: "ConfigureSelf",
    _P.LOCATE: "ConfigureComponents",
    _P.SERVICE: "ConfigureComponents",
    _P.OPERATE: "ConfigureComponents",
    _P.LIMIT: "ConfigureComponents",
    _P.COOLANT: "ConfigureComponents",
    _P.FIRMWARE: "ConfigureComponents",
    _P.SHELF: "ConfigureComponents",
    _P.SHUT: "ConfigureComponents",
    _P.POWER: "ConfigureComponents",
    _P.POWER_MANY: "ConfigureComponents",
    _P.INTERLOCK: "ConfigureComponents",
    _P.SILENCE: "ConfigureComponents",
    _P.PROVE: "ConfigureComponents",
    _P.ACCOUNTS: "ConfigureUsers",
    _P.CONFIGURE: "ConfigureManager",
}


def may_not(role: Role, privilege: Privilege, verb: str = "") -> str:
    """Return the refusal to a role that lacks a privilege, in words of the work, with the verb that was refused."""
    return f"role {role} may not {_WORK[privilege]}" + (f" ({verb.replace('_', ' ')})" if verb else "")


_WORK = {
    _P.READ: "look at this",
    _P.LOCATE: "switch locate lights",
    _P.SERVICE: "do service work",
    _P.OPERATE: "change settings of devices",
    _P.LIMIT: "set power limits",
    _P.COOLANT: "set targets of coolant units, stop or start them",
    _P.FIRMWARE: "push firmware",
    _P.SHELF: "switch power shelves",
    _P.SHUT: "turn trays off",
    _P.POWER: "turn trays on or restart them",
    _P.POWER_MANY: "switch several trays at a time",
    _P.INTERLOCK: "clear latches or bypass interlocks",
    _P.SILENCE: "shelve alarms or take them out of service",
    _P.PROVE: "begin acceptance, hand in evidence or sign it",
    _P.ACCOUNTS: "see and change accounts",
    _P.CONFIGURE: "configure the installation",
    _P.OWN_ACCOUNT: "use an account",
}


def whom_to_ask(privilege: Privilege) -> str:
    """Return the advice to somebody who lacks a privilege: the lowest role that has it."""
    role = next(role for role in Role if may(role, privilege))
    return f"ask {_PERSONS[role]}"


_PERSONS = {
    Role.VIEWER: "a viewer",
    Role.TECHNICIAN: "a technician",
    Role.OPERATOR: "an operator",
    Role.SAFETY: "a safety engineer",
    Role.ADMIN: "an admin",
}


def may(role: Role, privilege: Privilege) -> bool:
    """Return whether `role` has `privilege`."""
    return privilege in PRIVILEGES[role]
