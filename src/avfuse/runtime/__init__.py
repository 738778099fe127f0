"""What runs the network: one protocol, and one file a way of running it."""
