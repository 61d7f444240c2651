"""Pure codecs: bytes and documents in, values out.  No I/O."""
