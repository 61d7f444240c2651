"""Under which name and port this service itself is reached, as its machine and its state directory say."""

import json
import platform
from pathlib import Path
from urllib.parse import urlsplit

from datacenter_api.redfish.shapes import Body, ref, resource, told


def own_protocols(state: Path, uri: str) -> Body:
    """Return this service's ManagerNetworkProtocol: the machine's name, and the port that is listened at.

    `FQDN` is the whole name that the machine has; without a domain it is the same as `HostName`, as controllers say it,
    too.  A port that a proxy in front shows is the proxy's own.  Plain HTTP is never served, so it has no port.
    """
    name = platform.node()
    return resource(
        "ManagerNetworkProtocol",
        uri,
        "How this service is reached",
        **told(HostName=name.partition(".")[0] or None, FQDN=name or None),
        Status={"State": "Enabled", "Health": "OK"},
        HTTP={"ProtocolEnabled": False, "Port": None},
        HTTPS={
            "ProtocolEnabled": True,
            **told(Port=listened_at(state)),
            "Certificates": ref(f"{uri}/HTTPS/Certificates"),
        },
    )


def listened_at(state: Path) -> int | None:
    """Return the port of `server.json`, None where the service was started without it."""
    try:
        return urlsplit(str(json.loads((state / "server.json").read_bytes())["url"])).port
    except (OSError, ValueError, KeyError, TypeError):
        return None
