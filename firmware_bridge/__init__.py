"""Everything that touches a device's protocol, and the emulator that stands in for devices.  Decides nothing."""
