"""Redfish documents as they are shipped, decoded without trust."""
