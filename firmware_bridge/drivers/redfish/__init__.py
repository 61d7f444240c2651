"""Drivers that speak Redfish over pinned HTTPS."""
