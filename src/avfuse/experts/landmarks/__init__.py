"""The landmark network: its data and its training."""
