"""Talking-head Generation with Rhythmic Head Motion (paper 003).

Chen, Cui, Liu, Li, Kou, Xu and Xu; 2020. A few frames of anybody and a voice become whole frames,
in which the head moves with what is said. Section and equation numbers in this package are that
paper's.
"""

from avfuse.methods.rhythmic_head_motion.method import RhythmicHeadMotion

METHOD = RhythmicHeadMotion
"""Fig. 2: expression, head motion, and the 3-D-aware generative network."""

__all__ = ["METHOD", "RhythmicHeadMotion"]
