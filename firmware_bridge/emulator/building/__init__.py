"""An emulated building: what a real one says of its racks by MQTT, what it does when asked, and how it misbehaves."""
