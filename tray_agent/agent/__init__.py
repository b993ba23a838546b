"""The agent's own thinking: no Qt, no operating system, no HTTP library."""
