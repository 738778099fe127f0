"""Audio-Driven Talking Face Video Generation with Dynamic Convolution Kernels (paper 000).

Ye, Xia, Yi, Zhang, Lai, Huang, Zhang, Liu. Audio becomes the convolution kernels of a U-Net's
middle layers; how sound gets in is one interchangeable part, a [`Fusion`][avfuse.Fusion]. Section,
equation and figure numbers in this package are that paper's.
"""

from avfuse.methods.dynamic_kernels.generator import Generator

METHOD = Generator
