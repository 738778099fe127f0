"""An audio encoder that was first taught to name phones."""
