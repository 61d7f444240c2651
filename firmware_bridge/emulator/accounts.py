"""The one account of an emulated BMC.  Compares in constant time; keeps the password out of `repr`."""

import hmac

from firmware_bridge.redfish_service.source import Principal


class SoleAccount:
    """An Authenticator with one user; the password may change while the service runs."""

    def __init__(self, user: str, password: str, must_change: bool = False) -> None:
        self.user, self._password = user, password.encode()
        self.must_change = must_change  # DSP0266 §13: until then nothing but the account itself may be touched
        self._principal = Principal(user)

    def change(self, password: str) -> None:
        """Take another password from now on."""
        self._password, self.must_change = password.encode(), False

    async def verify(self, user: str, password: str) -> Principal | None:
        """Return the administrator when user and password fit."""
        return self._principal if self.fits(user, password) else None

    def fits(self, user: str, password: str) -> bool:
        """Tell whether user and password are those of the account."""
        return hmac.compare_digest(password.encode(), self._password) and user == self.user
