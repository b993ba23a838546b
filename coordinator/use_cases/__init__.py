"""What people and agents ask of the coordinator, one group of verbs per file, over the ports."""
