"""Audio-driven talking faces: fuse sound and image by dynamic convolution kernels."""
