"""MQTT 3.1.1 for one client: packets and a session, without a socket."""
