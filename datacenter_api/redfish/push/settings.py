"""Which destinations are allowed although a rule would refuse them, and which networks belong to management.

Read once from the environment; both are lists of networks (`127.0.0.0/8,10.9.0.0/16`), empty when not set.
"""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass

from firmware_bridge.vocabulary.errors import ConfigurationError

ALLOWED_VARIABLE = "RACKWRIGHT_EVENT_LISTENERS"
MANAGEMENT_VARIABLE = "RACKWRIGHT_MANAGEMENT_NETWORKS"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class PushSettings:
    """`allowed` are exempt from the rules on addresses; `management` is refused besides what the racks' layouts say."""

    allowed: tuple[Network, ...] = ()
    management: tuple[Network, ...] = ()


def settings_from(environment: Mapping[str, str] = os.environ) -> PushSettings:
    """Read both variables.  Raises ConfigurationError."""
    return PushSettings(_networks(environment, ALLOWED_VARIABLE), _networks(environment, MANAGEMENT_VARIABLE))


def _networks(environment: Mapping[str, str], name: str) -> tuple[Network, ...]:
    texts = [text.strip() for text in environment.get(name, "").split(",") if text.strip()]
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as err:
        raise ConfigurationError(f"{name}: {err}", advice="for example 127.0.0.0/8,10.9.0.0/16") from err
