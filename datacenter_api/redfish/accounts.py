"""Accounts, roles and sessions as Redfish shows them: the same ones that the whole API knows."""

from datacenter_api.auth.accounts import Account
from datacenter_api.auth.limits import MOST_PER_ACCOUNT, WINDOW
from datacenter_api.auth.passwords import LONGEST, SHORTEST
from datacenter_api.auth.sessions import IDLE_NS, Session
from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, resource, time_text
from datacenter_api.redfish.world import World
from firmware_bridge.redfish_service.messages import RequestRefused
from rack_controller.model.roles import PRIVILEGES, REDFISH_PRIVILEGES, Privilege, Role

ACCOUNTS = f"{ROOT}/AccountService/Accounts"
SESSIONS = f"{ROOT}/SessionService/Sessions"
ALLOW_MANY, ALLOW_ACCOUNT = "GET, HEAD, POST", "GET, HEAD, PATCH, DELETE"
ALLOW_SESSION = "GET, HEAD, DELETE"

# Our roles by their Redfish names; the first three have the privileges that DSP0266 gives them.
ROLES: dict[str, Role] = {
    "Administrator": Role.ADMIN,
    "Operator": Role.OPERATOR,
    "ReadOnly": Role.VIEWER,
    "Technician": Role.TECHNICIAN,
    "Safety": Role.SAFETY,
}
ROLE_IDS = {role: name for name, role in ROLES.items()}
_ORDER = ("Login", "ConfigureManager", "ConfigureUsers", "ConfigureSelf", "ConfigureComponents")


_HELD = {role: frozenset(REDFISH_PRIVILEGES[p] for p in held) for role, held in PRIVILEGES.items()}


def redfish_privileges(role: Role) -> frozenset[str]:
    """Return the Redfish privileges of one of our roles."""
    return _HELD[role]


def build_account_service(_world: World, uri: str) -> Body:
    """Return the AccountService with the limits on passwords and on guessing."""
    return resource(
        "AccountService",
        uri,
        "Accounts",
        ServiceEnabled=True,
        Status={"State": "Enabled", "Health": "OK"},
        MinPasswordLength=SHORTEST,
        MaxPasswordLength=LONGEST,
        AccountLockoutThreshold=MOST_PER_ACCOUNT,
        AccountLockoutDuration=int(WINDOW),
        AccountLockoutCounterResetAfter=int(WINDOW),
        LocalAccountAuth="Enabled",
        SupportedAccountTypes=["Redfish"],
        HTTPBasicAuth="Enabled",
        Accounts=ref(f"{uri}/Accounts"),
        Roles=ref(f"{uri}/Roles"),
        PrivilegeMap=ref(f"{uri}/PrivilegeMap"),
    )


def build_accounts(world: World, uri: str) -> Body:
    """Return every account to whoever manages them, their own to everybody else."""
    caller = world.asking()
    users = [a.user for a in world.parts.accounts.all() if sees(caller, a.user)]
    return collection("ManagerAccount", uri, "Accounts", users)


def build_account(world: World, uri: str, user: str) -> Body | None:
    """Return one account.  Raises RequestRefused (403) for somebody else's."""
    account = next((a for a in world.parts.accounts.all() if a.user == user), None)
    if account is None:
        return None
    if not sees(world.asking(), user):
        raise RequestRefused("InsufficientPrivilege")
    return _account(account, uri)


def build_roles(_world: World, uri: str) -> Body:
    """Return the roles."""
    return collection("Role", uri, "Roles", list(ROLES))


def build_role(_world: World, uri: str, role_id: str) -> Body | None:
    """Return one role with its privileges."""
    role = ROLES.get(role_id)
    if role is None:
        return None
    held = redfish_privileges(role)
    return resource(
        "Role",
        uri,
        f"Role {role_id}",
        Description=f"The role {role} of this service",
        RoleId=role_id,
        IsPredefined=True,
        AssignedPrivileges=[p for p in _ORDER if p in held],
        OemPrivileges=[],
    )


def build_session_service(_world: World, uri: str) -> Body:
    """Return the SessionService; the timeout is in seconds without use."""
    return resource(
        "SessionService",
        uri,
        "Sessions",
        ServiceEnabled=True,
        Status={"State": "Enabled", "Health": "OK"},
        SessionTimeout=IDLE_NS // 1_000_000_000,
        Sessions=ref(f"{uri}/Sessions"),
    )


def build_sessions(world: World, uri: str) -> Body:
    """Return my sessions, everybody's to whoever manages accounts."""
    caller = world.asking()
    sessions = [s.id for s in world.parts.sessions.all() if sees(caller, s.user)]
    return collection("Session", uri, "Sessions", sessions)


def build_session(world: World, uri: str, session_id: str) -> Body | None:
    """Return one session.  Somebody else's is not there, except for whoever manages accounts."""
    found = next((s for s in world.parts.sessions.all() if s.id == session_id), None)
    if found is None or not sees(world.asking(), found.user):
        return None
    return session_body(found, uri, world.parts.accounts.get(found.user).role)


def session_body(session: Session, uri: str, role: Role) -> Body:
    """Return a Session; its token is told once, when it is opened, and never here."""
    return resource(
        "Session",
        uri,
        f"Session of {session.user}",
        UserName=session.user,
        SessionType="Redfish",
        ClientOriginIPAddress=session.address,
        CreatedTime=time_text(session.created_ns),
        Roles=[ROLE_IDS[role]],
    )


def _account(account: Account, uri: str) -> Body:
    role = ROLE_IDS[account.role]
    return resource(
        "ManagerAccount",
        uri,
        f"Account of {account.user}",
        **{"@odata.etag": f'"{account.changed_ns:x}"'},
        UserName=account.user,
        Password=None,
        RoleId=role,
        Enabled=account.enabled,
        Locked=False,
        PasswordChangeRequired=False,
        AccountTypes=["Redfish"],
        Links={"Role": ref(f"{ROOT}/AccountService/Roles/{role}")},
    )


def sees(caller: Caller, user: str) -> bool:
    """Return whether a caller may see what belongs to a user: their own, or all for whoever manages accounts."""
    return caller.who.user == user or Privilege.ACCOUNTS in PRIVILEGES[caller.who.role]
