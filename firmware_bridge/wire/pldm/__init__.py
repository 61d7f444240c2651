"""PLDM firmware packages (DSP0267): bytes become what a package says of itself.  Pure."""
