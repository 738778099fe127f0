"""The command line of the training verbs."""
