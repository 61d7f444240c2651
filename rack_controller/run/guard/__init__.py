"""The guard of one rack: watches, latches and strikes."""
