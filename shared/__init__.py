"""What coordinator and agent say to each other. Standard library only; nothing here opens anything."""

VERSION = "1.0.0.dev0"
