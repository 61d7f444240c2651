"""The building by MQTT."""
