"""The rack controller as a process: read the site, assemble racks, run until told to stop."""
