"""Audio-driven talking faces: fuse sound and image by dynamic convolution kernels.

The public names load on first use, so that importing the package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avfuse.data.synthetic import synthetic_clip
    from avfuse.errors import InputError
    from avfuse.fusion.base import Fusion
    from avfuse.fusion.channel_concat import ChannelConcat
    from avfuse.fusion.dynamic_kernel import DynamicKernel
    from avfuse.fusion.given_lips import GivenLips
    from avfuse.fusion.landmark_cascade import LandmarkCascade
    from avfuse.fusion.lip_shape import LipShape
    from avfuse.fusion.no_fusion import NoFusion
    from avfuse.fusion.spatial_attention import SpatialAttention
    from avfuse.layers.audio_encoder import AudioEncoder
    from avfuse.layers.dynamic_conv import DynamicConv2d, dynamic_conv2d
    from avfuse.methods.dynamic_kernels.generator import Generator
    from avfuse.methods.dynamic_kernels.training import TalkingFace
    from avfuse.model_file import load
    from avfuse.sound.mel import MelStream, mel_spectrogram, mel_windows
    from avfuse.speaking.generate import generate
    from avfuse.speaking.stream import Stream
    from avfuse.types import Batch, Condition, Dims, Fused, Generated, Kernel

__all__ = [
    "AudioEncoder",
    "Batch",
    "ChannelConcat",
    "Condition",
    "Dims",
    "DynamicConv2d",
    "DynamicKernel",
    "Fused",
    "Fusion",
    "Generated",
    "Generator",
    "GivenLips",
    "InputError",
    "Kernel",
    "LandmarkCascade",
    "LipShape",
    "MelStream",
    "NoFusion",
    "SpatialAttention",
    "Stream",
    "TalkingFace",
    "__version__",
    "dynamic_conv2d",
    "generate",
    "load",
    "mel_spectrogram",
    "mel_windows",
    "synthetic_clip",
]

__version__ = "0.1.0"

# Where each public name lives, for the first use. What stands above is for type checkers, editors
# and the docs, which read it without running it; tests/test_public_names.py keeps them in step.
_HOMES = {
    "AudioEncoder": "avfuse.layers.audio_encoder",
    "Batch": "avfuse.types",
    "ChannelConcat": "avfuse.fusion.channel_concat",
    "Condition": "avfuse.types",
    "Dims": "avfuse.types",
    "DynamicConv2d": "avfuse.layers.dynamic_conv",
    "DynamicKernel": "avfuse.fusion.dynamic_kernel",
    "Fused": "avfuse.types",
    "Fusion": "avfuse.fusion.base",
    "Generated": "avfuse.types",
    "Generator": "avfuse.methods.dynamic_kernels.generator",
    "GivenLips": "avfuse.fusion.given_lips",
    "InputError": "avfuse.errors",
    "Kernel": "avfuse.types",
    "LandmarkCascade": "avfuse.fusion.landmark_cascade",
    "LipShape": "avfuse.fusion.lip_shape",
    "MelStream": "avfuse.sound.mel",
    "NoFusion": "avfuse.fusion.no_fusion",
    "SpatialAttention": "avfuse.fusion.spatial_attention",
    "Stream": "avfuse.speaking.stream",
    "TalkingFace": "avfuse.methods.dynamic_kernels.training",
    "dynamic_conv2d": "avfuse.layers.dynamic_conv",
    "generate": "avfuse.speaking.generate",
    "load": "avfuse.model_file",
    "mel_spectrogram": "avfuse.sound.mel",
    "mel_windows": "avfuse.sound.mel",
    "synthetic_clip": "avfuse.data.synthetic",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value  # the next use finds it without coming here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
