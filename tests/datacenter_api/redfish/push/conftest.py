"""The hall of `support.redfish_hall` for every test of this folder."""

from support.redfish_hall import hall

__all__ = ["hall"]
