"""Physics of racks in numpy: arrays and a generation in, arrays out."""
