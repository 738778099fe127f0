"""Layers that stand on their own."""
