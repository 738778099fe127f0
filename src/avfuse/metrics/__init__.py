"""How good a generated clip is: one metric a file."""
