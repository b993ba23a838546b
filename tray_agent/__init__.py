"""The agent that lends a PC: it runs jobs and gives the PC back."""
