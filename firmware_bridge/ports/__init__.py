"""What a controller may ask of a device.  Signatures only; reads first, writes with the issue that needs them."""
