"""Hierarchical Cross-Modal Talking Face Generation with Dynamic Pixel-Wise Loss (paper 001).

Chen, Maddox, Duan, Xu; CVPR 2019. One picture and sound become landmarks over time, and those
become frames over time. Section and equation numbers in this package are that paper's.
"""

from avfuse.methods.atvgnet.generator import ATVGnet

METHOD = ATVGnet
"""AT-net and VG-net (Fig. 2), one after the other."""

__all__ = ["METHOD", "ATVGnet"]
