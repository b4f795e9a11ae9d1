"""Decision trees: the few questions that decide the target."""
