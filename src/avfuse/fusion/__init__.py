"""Interchangeable ways to fuse sound and image."""

from avfuse.fusion.base import Fusion
from avfuse.fusion.channel_concat import ChannelConcat
from avfuse.fusion.dynamic_kernel import DynamicKernel
from avfuse.fusion.landmark_cascade import LandmarkCascade
from avfuse.fusion.no_fusion import NoFusion
from avfuse.fusion.spatial_attention import SpatialAttention

__all__ = [
    "ChannelConcat",
    "DynamicKernel",
    "Fusion",
    "LandmarkCascade",
    "NoFusion",
    "SpatialAttention",
]
