"""Procedural talking faces: random people whose mouths the sound determines, labelled exactly."""

from avfuse.data.synthetic.clip import SyntheticClip, synthetic_clip

__all__ = ["SyntheticClip", "synthetic_clip"]
