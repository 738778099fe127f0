"""Everybody's Talkin': Let Me Talk as You Want (paper 002).

Song, Wu, Qian, He, Loy; 2020. Sound becomes the expression of a 3-D face, in the identity and pose
that footage shows, and its mouth's points become a mouth that is painted into the footage. Section
and equation numbers in this package are that paper's.
"""

from avfuse.methods.everybodys_talkin.method import EverybodysTalkin

METHOD = EverybodysTalkin
"""Fig. 2: from sound to expression, and from expression to frames."""

__all__ = ["METHOD", "EverybodysTalkin"]
