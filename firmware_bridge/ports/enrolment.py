"""What enrolment asks of an endpoint: which certificate it shows, and who it is once somebody has logged in."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from firmware_bridge.vocabulary.identity import Certificate, Identity
from firmware_bridge.vocabulary.settings import Examination, Question, Scalar


@runtime_checkable
class Pinned(Protocol):
    """An endpoint that is trusted by the public key of its certificate."""

    @property
    def pin(self) -> str:
        """Return the pin that the site file holds: the only certificate that is read."""
        ...

    async def shown_certificate(self) -> Certificate:
        """Return the certificate that the endpoint shows now, trusted or not; sends no request and no credential.

        Raises EndpointUnreachable or TrustRefused (a certificate that cannot be read).
        """
        ...


@runtime_checkable
class Identified(Protocol):
    """An endpoint that says which part it is."""

    async def identify(self) -> Identity:
        """Log in where needed and return who the endpoint says it is.  Raises DeviceError."""
        ...


@runtime_checkable
class Examinable(Protocol):
    """An endpoint whose settings can be read, and one by one written."""

    async def examine(self, questions: Sequence[Question]) -> Examination:
        """Return what the endpoint says to each question; what it does not say is left out.  Raises DeviceError.

        Only reads.  Slow and patient: polling goes first.
        """
        ...

    async def set_value(self, uri: str, pointer: str, value: Scalar) -> None:
        """Write one property that an examination found.  Raises DeviceError.

        An effect: recorded before it is called, and only on armed racks.
        """
        ...
