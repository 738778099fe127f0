import gc
import re
import struct
import weakref
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from made_media import PATCHES, click, make_sound, make_tiles, make_video, picture

from avfuse.errors import InputError
from avfuse.video.bounce import CHUNK, forth_and_back
from avfuse.video.read import Clock, frames, probe

GRID = Path(__file__).parents[3] / "shared" / "data" / "grid" / "s1" / "bbaf2n.mpg"


@pytest.fixture
def clip(tmp_path):
    return make_video(tmp_path / "clip.mp4", [picture(i) for i in range(50)])


def test_probe(clip):
    info = probe(clip)
    assert info[:2] == (96, 64)
    assert info.fps == pytest.approx(25)
    assert info.duration == pytest.approx(2.0)
    assert info.frames == 50
    assert not info.is_photo


def test_frames_and_times(clip):
    read = list(frames(clip, exact=True))
    assert [f.time for f in read] == pytest.approx([i / 25 for i in range(50)])
    assert all(f.image.flags.c_contiguous and f.image.dtype == np.uint8 for f in read)
    for i in (0, 23, 49):
        assert np.abs(read[i].image.astype(int) - picture(i)).mean() < 3


def test_variable_frame_rate_is_kept(tmp_path):
    ticks = [0, 40, 50, 130, 131, 400, 1000]
    path = make_video(tmp_path / "v.mkv", [picture(i) for i in range(7)], ticks=ticks)
    assert [f.time for f in frames(path)] == pytest.approx([t / 1000 for t in ticks])


def test_time_counts_from_the_first_frame(tmp_path):
    path = make_video(tmp_path / "late.mkv", [picture(i) for i in range(3)], ticks=[500, 540, 580])
    assert [f.time for f in frames(path)] == pytest.approx([0, 0.04, 0.08])


def test_missing_timestamps(tmp_path):
    path = make_video(
        tmp_path / "raw.h264", [picture(i) for i in range(9)], options={"x264-params": "bframes=0"}
    )
    assert [f.time for f in frames(path)] == pytest.approx([i / 25 for i in range(9)])
    assert probe(path).frames == 9


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([5.0, 5.04, 5.08], [0, 0.04, 0.08]),
        ([None, None, None], [0, 0.04, 0.08]),
        ([0.0, 0.04, 0.04, 0.08, 0.12], [0, 0.04, 0.06, 0.08, 0.12]),
        ([9.0, 9.04, 0.0, 0.04], [0, 0.04, 0.08, 0.12]),
        ([0.0, 0.0, 0.0], [0, 0.02, 0.06]),
    ],
)
def test_clock_repairs(stamps, times):
    clock = Clock(0.04)
    assert [clock.tick(s) for s in stamps] == pytest.approx(times)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(("width", "height", "tag"), [(64, 64, 2), (64, 640, 2), (64, 64, 1)])
def test_flat_colours(tmp_path, exact, width, height, tag):
    """BT.601 when small, BT.709 when large, whatever the tag says when there is one."""
    luma = (0.2126, 0.0722) if tag == 1 or height > 576 else (0.299, 0.114)
    for rgb in PATCHES:
        path = tmp_path / "flat.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.colorspace = tag
            frame = av.VideoFrame(width, height, "yuv420p")
            for plane, value in zip(frame.planes, _yuv(rgb, *luma), strict=True):
                plane.update(bytes([value]) * plane.buffer_size)
            frame.pts = 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        image = next(frames(path, exact)).image
        assert np.abs(image.astype(int) - rgb).max() <= 2, rgb


def _yuv(rgb, red, blue):
    r, g, b = (c / 255 for c in rgb)
    y = red * r + (1 - red - blue) * g + blue * b
    u, v = (b - y) / (1 - blue) / 2, (r - y) / (1 - red) / 2
    return round(16 + 219 * y), round(128 + 224 * u), round(128 + 224 * v)


@pytest.mark.parametrize(("degrees", "turns"), [(90, -1), (180, 2), (270, 1)])
def test_phone_videos_come_out_upright(clip, tmp_path, degrees, turns):
    cosine, sine = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    data = bytearray(clip.read_bytes())
    matrix = data.find(
        struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30), data.find(b"tkhd")
    )
    one = 65536
    data[matrix : matrix + 36] = struct.pack(
        ">9i", one * cosine, one * sine, 0, -one * sine, one * cosine, 0, 0, 0, 1 << 30
    )
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(data)
    want = np.rot90(next(frames(clip)).image, turns)
    got = next(frames(turned)).image
    assert np.array_equal(got, want)
    assert probe(turned)[:2] == (want.shape[1], want.shape[0])


@pytest.mark.parametrize("degrees", [0, 90])
def test_pixels_that_are_not_square(tmp_path, degrees):
    path = tmp_path / "dv.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.sample_aspect_ratio = Fraction(16, 15)
        stream.codec_context.color_primaries, stream.codec_context.color_trc = 9, 18
        stream.set_display_rotation(degrees)
        container.mux(stream.encode(av.VideoFrame(96, 64, "yuv420p")))
        container.mux(stream.encode(None))
    info = probe(path)
    assert info.aspect == (Fraction(15, 16) if degrees else Fraction(16, 15))
    assert (info.primaries, info.transfer) == (9, 18)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".avif"])
def test_photo(tmp_path, suffix):
    path = tmp_path / f"100% me: a photo{suffix}"
    path.write_bytes(cv2.imencode(suffix, picture(0, 800, 600)[..., ::-1])[1].tobytes())
    info = probe(path)
    assert info.is_photo
    assert info[:2] == (800, 600)
    (only,) = frames(path)
    assert only.time == 0
    assert np.abs(only.image.astype(int) - picture(0, 800, 600)).mean() < 2
    with pytest.raises(InputError):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        list(frames(path))


def test_a_gif_may_be_a_photo(tmp_path):
    """One that moves is none."""
    for number in (1, 3):
        path = tmp_path / f"{number}.gif"
        cv2.imwritemulti(str(path), [picture(i) for i in range(number)])
        info = probe(path)
        assert (info.is_photo, len(list(frames(path)))) == (number == 1, number)
        assert info.fps == 25 or number > 1


def test_a_photo_in_tiles_is_not_taken_for_one_of_them(tmp_path):
    path = make_tiles(tmp_path / "phone.heic")
    for read in (probe, lambda path: list(frames(path))):
        with pytest.raises(InputError, match=r"in tiles .*; save it as JPEG or PNG"):
            read(path)


def test_photo_from_a_phone_is_turned(tmp_path):
    jpeg = cv2.imencode(".jpg", picture(0)[..., ::-1])[1].tobytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x112, 3, 1, 6, 0, 0)
    path = tmp_path / "phone.jpg"
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])
    assert next(frames(path)).image.shape == (96, 64, 3)
    assert probe(path)[:2] == (64, 96)


def _walk(count: int, number: int) -> list[int]:
    """Indices of `count` frames forth and back, `number` of them."""
    lap = [*range(count), *range(count - 2, 0, -1)]
    return [lap[i % len(lap)] for i in range(number)]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("long.mp4", "libx264", {"g": "250", "bf": "3"}),
        ("open.mp4", "libx264", {"g": "12", "bf": "3", "x264-params": "open-gop=1"}),
        ("refresh.mp4", "libx264", {"g": "20", "x264-params": "intra-refresh=1:bframes=0"}),
        ("open.mpg", "mpeg1video", {"g": "12", "bf": "2"}),
        ("old.avi", "mpeg4", {"g": "12"}),
        ("raw.h264", "libx264", {"g": "12"}),
        ("clip.ts", "libx264", {"g": "12"}),
    ],
)
def test_forth_and_back_is_exact(tmp_path, name, codec, options):
    images = [picture(i) for i in range(75)]
    path = make_video(tmp_path / name, images, codec=codec, options=options)
    _check_bounce(path)


@pytest.mark.skipif(not GRID.exists(), reason="GRID is not here")
def test_forth_and_back_on_grid():
    _check_bounce(GRID)


def _check_bounce(path):
    want = [f.image for f in frames(path)]
    count = len(want)
    number = 3 * count
    got = list(islice(forth_and_back(path), number))
    for frame, i in zip(got, _walk(count, number), strict=True):
        assert np.array_equal(frame.image, want[i]), i
    assert all(b.time > a.time for a, b in pairwise(got))


def test_forth_and_back_mirrors_intervals(tmp_path):
    ticks = [0, 40, 50, 130, 400]
    path = make_video(tmp_path / "v.mkv", [picture(i) for i in range(5)], ticks=ticks)
    times = [f.time for f in islice(forth_and_back(path), 11)]
    steps = [0.04, 0.01, 0.08, 0.27, 0.27, 0.08, 0.01, 0.04, 0.04, 0.01]
    assert np.diff(times) == pytest.approx(steps)


def test_photo_repeats(tmp_path):
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), picture(0))
    shown = []
    for frame in islice(forth_and_back(path), 5):
        shown.append((frame.time, int(frame.image.astype(int).sum())))
        frame.image[:] = 0  # what a caller does to its frame stays its own
    assert [t for t, _ in shown] == pytest.approx([i / 25 for i in range(5)])
    assert len({s for _, s in shown}) == 1


def test_memory_is_bounded(tmp_path):
    path = make_video(tmp_path / "long.mp4", [picture(i, 64, 48) for i in range(400)])
    alive: list[weakref.ref[np.ndarray]] = []
    images, decoded = [], []
    for i, frame in enumerate(islice(forth_and_back(path), 1200)):
        alive = [r for r in alive if r() is not None] + [weakref.ref(frame.image)]
        images.append(len(alive))
        if i % 97 == 0:
            decoded.append(sum(type(o) is av.VideoFrame for o in gc.get_objects()))
    assert max(images) <= 3
    assert 0 < max(decoded) <= CHUNK + 3


def test_bad_input(tmp_path, clip, capfd):
    empty = tmp_path / "empty.mp4"
    empty.touch()
    text = tmp_path / "text.mp4"
    text.write_text("not a video " * 1000)
    sound = make_sound(tmp_path / "sound.wav", click(), "pcm_s16le")
    data = clip.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) // 2])
    front = tmp_path / "front.mp4"
    make_video(tmp_path / "whole.mp4", [picture(i) for i in range(50)])
    with (
        av.open(str(clip)) as source,
        av.open(str(front), "w", container_options={"movflags": "+faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    front.write_bytes(front.read_bytes()[: len(data) * 6 // 10])
    mkv = make_video(tmp_path / "cut.mkv", [picture(i) for i in range(100)], options={"g": "5"})
    mkv.write_bytes(mkv.read_bytes()[: mkv.stat().st_size // 2])
    missing = tmp_path / "missing.mp4"
    for path in (missing, tmp_path, empty, text, sound, cut, front, mkv):
        with pytest.raises(InputError) as caught:
            list(frames(path))
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)
        if path != mkv:  # its index does not tell; reading does
            with pytest.raises(InputError):
                probe(path)
    assert capfd.readouterr() == ("", "")


def test_a_free_text_in_place_of_the_length(tmp_path):
    path = make_video(tmp_path / "said.mkv", [picture(i) for i in range(10)])
    said, count = re.subn(rb"\d\d:\d\d:\d\d\.\d{9}", b"about four seconds", path.read_bytes())
    assert count
    path.write_bytes(said)
    assert len(list(frames(path))) == 10
    assert probe(path).frames == 10


@pytest.mark.parametrize("default", [0, 1])
def test_the_default_picture_is_seen(tmp_path, default):
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        tracks = [container.add_stream("ffv1", rate=25) for _ in range(2)]
        for number, track in enumerate(tracks):
            track.width, track.height, track.pix_fmt = 64, 48 + 16 * number, "yuv420p"
            track.disposition = Disposition.default if number == default else Disposition(0)
        for track in tracks:
            image = np.zeros((track.height, 64, 3), np.uint8)
            container.mux(track.encode(av.VideoFrame.from_ndarray(image)))
            container.mux(track.encode(None))
    assert probe(path).height == 48 + 16 * default
