"""The power budget on live racks: what is seen, what is decided over all racks at once, what is written."""
