"""Small media files for the tests, made with PyAV."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

PATCHES = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (224, 172, 140))


def picture(i: int, width: int = 96, height: int = 64) -> np.ndarray:
    """Smooth colours that move, so that every frame is told from every other."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    red = 128 + 100 * np.sin((x + 3 * i) / 15)
    green = 128 + 100 * np.cos((y - 2 * i) / 12)
    blue = 128 + 60 * np.sin((x + y) / 20 + i / 5)
    return np.stack([red, green, blue], -1).astype(np.uint8)


def make_video(
    path: Path,
    images: Sequence[np.ndarray],
    *,
    codec: str = "libx264",
    rate: int = 25,
    ticks: Sequence[int] | None = None,
    sound: np.ndarray | None = None,
    sound_codec: str = "aac",
    sound_rate: int = 44_100,
    sound_first: float = 0.0,
    options: dict[str, str] | None = None,
) -> Path:
    """Frames at `ticks` / 1000 s (or at `rate`), with mono sound from `sound_first` seconds on."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        base = Fraction(1, rate) if ticks is None else Fraction(1, 1000)
        if ticks is not None:
            stream.codec_context.time_base = base
        track = None
        if sound is not None:
            track = container.add_stream(sound_codec, rate=sound_rate)
            track.layout = "mono"
        for i, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image)).reformat(
                format="yuv420p", dst_color_range=1
            )
            frame.pts, frame.time_base = (i if ticks is None else ticks[i]), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if track is not None and sound is not None:
            _encode(container, track, sound, sound_rate, sound_first)
    return path


def make_sound(path: Path, sound: np.ndarray, codec: str, rate: int = 44_100) -> Path:
    """Mono sound alone."""
    with av.open(str(path), "w") as container:
        track = container.add_stream(codec, rate=rate)
        track.layout = "mono"
        _encode(container, track, sound, rate, 0.0)
    return path


def _encode(container, track, sound, rate, first) -> None:
    frame = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), "fltp", "mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, round(first * rate), Fraction(1, rate)
    container.mux(track.encode(frame))
    container.mux(track.encode(None))


def make_tiles(path: Path, number: int = 2, side: int = 64) -> Path:
    """A photo as phones store it: a grid of tiles side by side (ISO/IEC 23008-12, 6.6.2.3).

    Nothing can be decoded from the tiles; the boxes around them are whole.
    """
    grid, tiles = number + 1, range(1, number + 1)
    kinds = [b"av01"] * number + [b"grid"]
    items = [
        _box(b"infe", _shorts(i, 0), kind, b"\0", full=2 << 24) for i, kind in enumerate(kinds, 1)
    ]
    sizes = [
        _box(b"ispe", struct.pack(">2I", side * columns, side), full=0) for columns in (1, number)
    ]
    whose = b"".join(_shorts(i) + bytes([1, 1 + (i == grid)]) for i in (*tiles, grid))
    places = b"".join(_shorts(i, 0, 0, 1) + struct.pack(">2I", 0, 8) for i in tiles)
    places += _shorts(grid, 1, 0, 1) + struct.pack(">2I", 0, 8)
    meta = (
        _box(b"hdlr", bytes(4), b"pict", bytes(13), full=0),
        _box(b"pitm", _shorts(grid), full=0),
        _box(b"iloc", b"\x44\0", _shorts(grid), places, full=1 << 24),
        _box(b"iinf", _shorts(grid), *items, full=0),
        _box(b"iref", _box(b"dimg", _shorts(grid, number, *tiles)), full=0),
        _box(
            b"iprp",
            _box(b"ipco", *sizes),
            _box(b"ipma", struct.pack(">I", grid), whose, full=0),
        ),
        _box(b"idat", bytes([0, 0, 0, number - 1]), _shorts(side * number, side)),
    )
    path.write_bytes(_box(b"ftyp", b"heic", bytes(4), b"mif1heic") + _box(b"meta", *meta, full=0))
    return path


def _box(name: bytes, *parts: bytes, full: int | None = None) -> bytes:
    """A box; a full one begins with version and flags."""
    body = b"".join(parts) if full is None else struct.pack(">I", full) + b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def _shorts(*values: int) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


def click(at: float = 0.5, length: float = 2.0, rate: int = 44_100) -> np.ndarray:
    """Silence with 2 ms of full scale."""
    sound = np.zeros(round(length * rate), np.float32)
    sound[round(at * rate) : round((at + 0.002) * rate)] = 0.9
    return sound


def sine(hertz: float, length: float, rate: int) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(length * rate)) / rate)
