"""Audio-Driven Talking Face Video Generation with Dynamic Convolution Kernels (paper 000)."""
