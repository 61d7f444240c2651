"""What both sides of a purchase rely on: where parts were made, what was found, what is claimed, decided and signed.

Pure: bytes and arrays in, records out; no clock, no files, no network.
"""
