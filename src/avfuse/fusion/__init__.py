"""Interchangeable ways to fuse sound and image."""

from avfuse.fusion.base import Fusion
from avfuse.fusion.dynamic_kernel import DynamicKernel
from avfuse.fusion.no_fusion import NoFusion

__all__ = ["DynamicKernel", "Fusion", "NoFusion"]
