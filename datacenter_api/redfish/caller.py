"""Who sent a Redfish request: the account that the gate recognised, with the Redfish privileges of its role."""

from dataclasses import dataclass, field

from datacenter_api.auth.doorkeeper import Principal as Known
from firmware_bridge.redfish_service.source import Principal
from rack_controller.model.roles import Role

NOBODY = Known("", Role.VIEWER, "")


@dataclass(frozen=True, slots=True)
class Caller(Principal):
    """`who` is the API's own principal: role, address, session.  `program`: what the client calls itself."""

    who: Known = field(default=NOBODY)
    program: str = ""
