"""The agent's HTTP calls to its coordinator."""
