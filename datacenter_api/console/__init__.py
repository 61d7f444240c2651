"""The console at /console: skeletons drawn once from the layout, then only what changed, once a second."""
