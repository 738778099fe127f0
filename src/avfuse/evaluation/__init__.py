"""Protocols: how whole clips are made and compared with what really was filmed, and reported."""
