"""The sync expert: its data, its training, and how well it hears."""
