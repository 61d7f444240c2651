"""The racks as one Redfish service: resources built from what the fleet's memory holds, never proxied bytes."""
