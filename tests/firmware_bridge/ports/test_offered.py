"""What a source offers is what `isinstance` says of it."""

from firmware_bridge.ports.offered import offers
from firmware_bridge.ports.telemetry import Eventful, Sparing, Versioned


class Bare:
    """Offers nothing."""


class WithVersion:
    """Offers one port."""

    version = "1.2"


def test_each_class_is_asked_for_itself_and_for_each_port() -> None:
    for _ in range(2):  # the second answer is remembered
        assert offers(WithVersion(), Versioned)
        assert not offers(WithVersion(), Sparing)
        assert not offers(Bare(), Versioned)
        assert not offers(None, Eventful)
