"""Video and sound in and out: streaming, timestamps in seconds, no neural code.

- [`read`][avfuse.video.read]: a video's or photo's frames, upright, RGB, one at a time.
- [`bounce`][avfuse.video.bounce]: the same frames forth and back for ever, in bounded memory.
- [`audio`][avfuse.video.audio]: any file's sound in blocks, on the clock of its picture.
- [`write`][avfuse.video.write]: H.264 and AAC, beside the target and renamed when complete.

Everything goes through PyAV, which bundles FFmpeg; libav's own messages stay silent, as PyAV has
them by default.
"""
