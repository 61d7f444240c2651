"""What a rack may ask of its site file while it runs.  The desk itself is made where drivers are put together."""

from typing import Protocol

from firmware_bridge.ports.enrolment import Account
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.place import Place
from rack_controller.model.expectation import Expectation
from rack_controller.model.layout import Layout


class SiteDesk(Protocol):
    """The site file of this controller, read anew each time: it may have been edited."""

    def source(self, place: Place, pin: str | None = None) -> TelemetrySource:
        """Return a new driver for an endpoint as the site file has it now, with another pin when one is given.

        Sends nothing.  Raises ConfigurationError, FileInvalid or EnvironmentUnfit.
        """
        ...

    def repin(self, place: Place, pin: str) -> None:
        """Write another pin into the site file.  Raises ConfigurationError or EnvironmentUnfit."""
        ...

    def account(self, place: Place) -> Account:
        """Return the account by which an endpoint is read.  Raises TargetUnknown and what `source` raises."""
        ...

    def password_states(self, rack: Place) -> dict[Place, str]:
        """Return the endpoints whose password is `factory`, or `pending` (two are kept).  Raises as `source`."""
        ...

    def own_account(self, place: Place, secret: str) -> Account:
        """Put a new password beside the old one, in a vault entry of this endpoint alone that the site file names.

        Raises ConfigurationError or EnvironmentUnfit; no device has heard of it then.
        """
        ...

    def expectations(self, rack: Place, generation: str) -> dict[Place, Expectation]:
        """Return what a generation and the site expect of each endpoint of a rack.  Raises what `source` raises."""
        ...

    def layout(self, rack: Place) -> Layout:
        """Return the rack's layout as the site file has it now.  Raises what `source` raises."""
        ...
