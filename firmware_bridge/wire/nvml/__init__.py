"""NVML's numbers and the agent's message as pure values.  No library is loaded here."""
