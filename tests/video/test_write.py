import os
from fractions import Fraction

import av
import numpy as np
import pytest
from made_media import PATCHES, click, make_sound, picture

from avfuse.errors import InputError
from avfuse.video.audio import duration, read_audio
from avfuse.video.read import frames, probe
from avfuse.video.write import VideoWriter


@pytest.fixture
def sound(tmp_path):
    return make_sound(tmp_path / "sound.wav", click(length=3.0), "pcm_s16le")


def _write(path, images, times=None, fps=25.0, audio=None, **options):
    height, width = images[0].shape[:2]
    with VideoWriter(path, width, height, fps, audio, **options) as writer:
        for i, image in enumerate(images):
            writer.write(image, i / fps if times is None else times[i])


def _psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_there_and_back(tmp_path, sound, suffix):
    path = tmp_path / f"out{suffix}"
    images = [picture(i, 320, 240) for i in range(50)]
    _write(path, images, audio=sound)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    info = probe(path)
    assert info[:2] == (320, 240)
    assert info.fps == pytest.approx(25)
    assert info.duration == pytest.approx(2.0, abs=0.04)
    assert duration(path) == pytest.approx(2.0, abs=0.04)
    read = list(frames(path, exact=True))
    assert [f.time for f in read] == pytest.approx([i / 25 for i in range(50)])
    heard = read_audio(path).abs().numpy()
    assert np.argmax(heard > heard.max() / 2) / 16_000 == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(("crf", "decibels"), [(18, 40), (0, 48)])
def test_quality(tmp_path, crf, decibels):
    """Decoded, encoded, decoded again; colours no stronger than a room's."""
    soft = [(128 + 0.4 * (picture(i, 320, 240) - 128.0)).astype(np.uint8) for i in range(25)]
    _write(tmp_path / "a.mp4", soft)
    first = [f.image for f in frames(tmp_path / "a.mp4", exact=True)]
    _write(tmp_path / "b.mp4", first, crf=crf)
    second = [f.image for f in frames(tmp_path / "b.mp4", exact=True)]
    assert min(_psnr(a, b) for a, b in zip(first, second, strict=True)) > decibels


@pytest.mark.parametrize("size", [(128, 128), (1280, 720)])
def test_flat_colours(tmp_path, size):
    for rgb in PATCHES:
        image = np.full((size[1], size[0], 3), rgb, np.uint8)
        _write(tmp_path / "flat.mp4", [image] * 2)
        for exact in (False, True):
            for frame in frames(tmp_path / "flat.mp4", exact):
                assert np.abs(frame.image.astype(int) - rgb).max() <= 2, rgb
        with av.open(str(tmp_path / "flat.mp4")) as container:
            context = container.streams.video[0].codec_context
            assert context.colorspace == (1 if size[1] == 720 else 6)
            assert context.color_range == 1


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_is_shown_like_its_source(tmp_path, suffix):
    _write(tmp_path / "plain.mp4", [picture(0)])
    plain = probe(tmp_path / "plain.mp4")
    assert plain[-3:] == (1, 6, 6)
    other = plain._replace(aspect=Fraction(4, 3), primaries=9, transfer=2)
    path = tmp_path / f"like{suffix}"
    _write(path, [picture(0)], like=other)
    assert probe(path)[-3:] == (Fraction(4, 3), 9, 6)
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.colorspace == 6  # as it was converted


def test_variable_frame_rate(tmp_path):
    times = [0.0, 0.04, 0.0501, 0.1333, 0.4, 1.0]
    _write(tmp_path / "v.mp4", [picture(i) for i in range(6)], times)
    assert [f.time for f in frames(tmp_path / "v.mp4")] == pytest.approx(times, abs=1e-5)
    assert probe(tmp_path / "v.mp4").duration == pytest.approx(1.04, abs=1e-3)


@pytest.mark.parametrize("fps", [30_000 / 1001, 23.976, 60.0, 12.5])
def test_frame_rates(tmp_path, fps):
    _write(tmp_path / "r.mp4", [picture(i) for i in range(20)], fps=fps)
    assert probe(tmp_path / "r.mp4").fps == pytest.approx(fps, rel=1e-3)
    read = [f.time for f in frames(tmp_path / "r.mp4")]
    assert read == pytest.approx([i / fps for i in range(20)], abs=1e-4)


def test_odd_sizes_repeat_the_edge(tmp_path):
    images = [picture(i, 97, 63) for i in range(3)]
    _write(tmp_path / "odd.mp4", images)
    image = next(frames(tmp_path / "odd.mp4")).image
    assert image.shape == (64, 98, 3)
    assert np.abs(image[:63, :97].astype(int) - images[0]).mean() < 4
    assert np.abs(image[63].astype(int) - image[62]).max() <= 12


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 96_000])
def test_short_sound_stays_short(tmp_path, rate):
    sound = make_sound(tmp_path / "s.wav", click(0.2, 0.5, rate), "pcm_s16le", rate)
    _write(tmp_path / "out.mp4", [picture(i) for i in range(50)], audio=sound)
    assert probe(tmp_path / "out.mp4").duration == pytest.approx(2.0, abs=1e-3)
    assert duration(tmp_path / "out.mp4") == pytest.approx(0.5, abs=2e-3)


def test_index_comes_first(tmp_path):
    _write(tmp_path / "out.mp4", [picture(i) for i in range(10)])
    data = (tmp_path / "out.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("written", [0, 3, 60])
def test_an_exception_keeps_the_old_file(tmp_path, sound, error, written):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with pytest.raises(error), VideoWriter(path, 96, 64, 25.0, sound) as writer:
        for i in range(written):
            writer.write(picture(i), i / 25)
        raise error
    assert path.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.mp4", "sound.wav"]


def test_nothing_written(tmp_path):
    with pytest.raises(ValueError, match="no frame"), VideoWriter(tmp_path / "o.mp4", 96, 64, 25.0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_sound_that_breaks_off_is_an_input_error(tmp_path, sound):
    cut = make_sound(tmp_path / "cut.flac", np.random.default_rng(0).normal(0, 0.1, 88_200), "flac")
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 8 // 10])
    with pytest.raises(InputError):
        _write(tmp_path / "o.mp4", [picture(i) for i in range(75)], audio=cut)
    assert not (tmp_path / "o.mp4").exists()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_wrong_frames(tmp_path):
    with VideoWriter(tmp_path / "o.mp4", 96, 64, 25.0) as writer:
        writer.write(picture(0), 0.0)
        with pytest.raises(ValueError, match="does not follow"):
            writer.write(picture(1), 0.0)
        with pytest.raises(ValueError, match="expected"):
            writer.write(picture(1, 64, 64), 1.0)


def test_replaces_and_has_ordinary_rights(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    _write(path, [picture(0)])
    assert probe(path).frames == 1
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_bad_output(tmp_path, sound):
    for path in (
        tmp_path / "out.gif",
        tmp_path / "out",
        tmp_path / "no" / "out.mp4",
        tmp_path / "sound.wav" / "out.mp4",
    ):
        with pytest.raises(InputError, match="out") as caught:
            VideoWriter(path, 96, 64, 25.0)
        assert "\n" not in str(caught.value)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(InputError, match="folder"):
        VideoWriter(tmp_path / "folder.mp4", 96, 64, 25.0)
    with pytest.raises(InputError, match="no such file"):
        VideoWriter(tmp_path / "out.mp4", 96, 64, 25.0, tmp_path / "missing.wav")


@pytest.mark.skipif(os.name == "nt", reason="names may be of other lengths there")
def test_names_as_long_as_they_may_be(tmp_path):
    longest = os.pathconf(tmp_path, "PC_NAME_MAX")
    path = tmp_path / ("é" * ((longest - 4) // 2) + ".mp4")
    _write(path, [picture(0)])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    with pytest.raises(InputError, match="no such name is possible"):
        VideoWriter(tmp_path / ("n" * longest + ".mp4"), 96, 64, 25.0)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="not writable"):
        VideoWriter(tmp_path / "out.mp4", 96, 64, 25.0)
    tmp_path.chmod(0o700)
