"""The account service of one emulated BMC: its only account, whose password can be changed, or must be.

Stands in front of the endpoint's own resources.  DSP0266 §13: whoever logs in with a password that must be changed may
only look at and change that account.
"""

from typing import Any

from firmware_bridge.emulator.accounts import SoleAccount
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.source import READ_PATCH, Document, Outcome, Principal, ResourceSource

SERVICE = "/redfish/v1/AccountService"
ACCOUNTS = f"{SERVICE}/Accounts"
LEAST_LENGTH = 8


class WithAccounts:
    """A ResourceSource with an account service before it."""

    __slots__ = ("_account", "_source", "_uri")

    def __init__(self, source: ResourceSource, account: SoleAccount) -> None:
        self._source, self._account = source, account
        self._uri = f"{ACCOUNTS}/{account.user}"

    def get(self, uri: str, principal: Principal | None) -> Document | None:
        """Return the account service's resources, else the endpoint's own."""
        if uri.startswith(SERVICE):
            return self._own(uri)
        if self._account.must_change and principal is not None:
            raise RequestRefused("PasswordChangeRequired", self._uri, status=403)
        return self._source.get(uri, principal)

    def _own(self, uri: str) -> Document | None:
        if uri == self._uri:
            return Document.of(self._body(), READ_PATCH)
        if uri == SERVICE:
            kind = "#AccountService.v1_15_0.AccountService"
            body = {"@odata.type": kind, "Id": "AccountService", "Name": "Account Service", "ServiceEnabled": True}
            return Document.of({"@odata.id": uri, **body, "Accounts": {"@odata.id": ACCOUNTS}})
        if uri == ACCOUNTS:
            kind = "#ManagerAccountCollection.ManagerAccountCollection"
            members = [{"@odata.id": self._uri}]
            body = {"@odata.type": kind, "Name": "Accounts", "Members@odata.count": 1, "Members": members}
            return Document.of({"@odata.id": uri, **body})
        return None

    def _body(self) -> dict[str, Any]:
        user = self._account.user
        return {
            "@odata.id": self._uri,
            "@odata.type": "#ManagerAccount.v1_12_0.ManagerAccount",
            "Id": user,
            "Name": "User Account",
            "UserName": user,
            "RoleId": "Administrator",
            "Password": None,
            "PasswordChangeRequired": self._account.must_change,
            "Enabled": True,
            "Locked": False,
        }

    def methods(self, uri: str) -> str:
        """Return the endpoint's own."""
        return self._source.methods(uri)

    def privilege(self, uri: str, method: str) -> str:
        """Return the privilege that a change needs: everybody may change their own password."""
        return "ConfigureSelf" if uri == self._uri else self._source.privilege(uri, method)

    async def patch(self, uri: str, changes: dict[str, Any], principal: Principal) -> Document | None:
        """Change the password, nothing else of the account; else the endpoint's own."""
        if uri != self._uri:
            return await self._source.patch(uri, changes, principal)
        for name in changes:
            if name != "Password":
                raise RequestRefused("PropertyNotWritable", name, related=(f"#/{name}",))
        password = changes.get("Password")
        if not isinstance(password, str) or len(password) < LEAST_LENGTH:
            raise RequestRefused("PropertyValueFormatError", "******", "Password", related=("#/Password",))
        self._account.change(password)
        return Document.of(self._body(), READ_PATCH)

    async def post(self, uri: str, body: dict[str, Any], principal: Principal) -> Outcome:
        """Run an action of the endpoint."""
        return await self._source.post(uri, body, principal)

    def uploads(self, uri: str) -> int:
        """Return the endpoint's own."""
        takes = getattr(self._source, "uploads", None)
        most: int = 0 if takes is None else takes(uri)
        return most

    async def upload(self, uri: str, parts: dict[str, bytes], principal: Principal) -> Outcome:
        """Hand a file on to the endpoint."""
        outcome: Outcome = await self._source.upload(uri, parts, principal)  # type: ignore[attr-defined]  # asked above
        return outcome

    async def delete(self, uri: str, principal: Principal) -> Outcome:
        """Delete what the endpoint lets go of."""
        return await self._source.delete(uri, principal)
