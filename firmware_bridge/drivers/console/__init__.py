"""Serial consoles: by SSH at a management controller, or at a serial device.  Bytes in, bytes out; no retries."""
