"""Wav2Lip: A Lip Sync Expert Is All You Need for Speech to Lip Generation in the Wild.

Prajwal, Mukhopadhyay, Namboodiri, Jawahar; ACM Multimedia 2020. Written from the sizes of its
layers; it takes the weights that its authors publish, and is not trained here.
"""

from avfuse.methods.wav2lip.generator import Wav2Lip

METHOD = Wav2Lip
