"""The coordinator: the queue, its interfaces for people and agents, and its pages."""
