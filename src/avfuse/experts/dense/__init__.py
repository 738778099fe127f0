"""The network of dense points: its data, its training and how it is judged."""
