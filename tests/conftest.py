"""Properties are checked on the same examples every time, whatever the machine's mood: a flake would be a bug."""

from hypothesis import settings

settings.register_profile("rackwright", derandomize=True, deadline=None, database=None)
settings.load_profile("rackwright")
