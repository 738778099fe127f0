"""Files: whole or not at all, a network's weights, and weights that others wrote."""
