"""Variants of one method, trained and tested alike: the paper's experiments, each one command."""
