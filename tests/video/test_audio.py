import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from av.stream import Disposition
from made_media import click, make_sound, make_video, picture, sine

from avfuse.errors import InputError
from avfuse.video.audio import (
    AudioReader,
    duration,
    mono_blocks,
    origin_of,
    read_audio,
    write_wav,
)
from avfuse.video.read import frames

SPEECH = Path(__file__).parents[3] / "shared" / "data" / "speech" / "LJ001-0008.wav"


def _click_time(sound) -> float:
    loud = np.abs(np.asarray(sound))
    return float(np.argmax(loud > loud.max() / 2)) / 16_000


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("click.wav", "pcm_s16le"),
        ("click.flac", "flac"),
        ("click.mp3", "libmp3lame"),
        ("click.m4a", "aac"),
    ],
)
def test_click_stays_in_sound_files(tmp_path, name, codec):
    path = make_sound(tmp_path / name, click(), codec)
    sound = read_audio(path)
    assert _click_time(sound) == pytest.approx(0.5, abs=1e-3)
    assert len(sound) == pytest.approx(32_000, abs=1)
    assert duration(path) == pytest.approx(2.0, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "codec", "sound_codec"),
    [
        ("click.mp4", "libx264", "aac"),
        ("click.mov", "libx264", "aac"),
        ("click.mkv", "libx264", "aac"),
        ("click.mpg", "mpeg1video", "mp2"),
        ("click.ts", "libx264", "aac"),
    ],
)
def test_click_stays_beside_the_picture(tmp_path, name, codec, sound_codec):
    images = [picture(i) for i in range(50)]
    path = make_video(tmp_path / name, images, codec=codec, sound=click(), sound_codec=sound_codec)
    assert _click_time(read_audio(path)) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("first", [0.3, 1.7])
def test_late_sound_starts_with_silence(tmp_path, first):
    images = [picture(i) for i in range(50)]
    path = make_video(tmp_path / "late.mkv", images, sound=click(), sound_first=first)
    assert _click_time(read_audio(path)) == pytest.approx(0.5 + first, abs=1e-3)


def test_sound_before_the_picture_is_left_out(tmp_path):
    ticks = [300 + 40 * i for i in range(50)]
    images = [picture(i) for i in range(50)]
    path = make_video(tmp_path / "early.mkv", images, ticks=ticks, sound=click())
    assert _click_time(read_audio(path)) == pytest.approx(0.2, abs=1e-3)
    assert duration(path) == pytest.approx(1.7, abs=0.03)


def late_picture(path):
    """A click 0.5 s after the beginning of 2.5 s of sound, whose picture begins 1.5 s later."""
    images = [picture(i) for i in range(25)]
    ticks = range(1500, 2500, 40)
    return make_video(path, images, ticks=ticks, sound=click(0.5, 2.5), sound_codec="pcm_s16le")


def test_sound_that_only_drives_is_heard_whole(tmp_path):
    path = late_picture(tmp_path / "call.mkv")
    whole = read_audio(path, "earliest")
    assert _click_time(whole) == pytest.approx(0.5, abs=2e-3)
    assert duration(path, "earliest") == pytest.approx(2.5, abs=0.01)
    assert duration(path) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("first", [-0.05, 0.4])
def test_else_the_picture_is_its_clock(tmp_path, first):
    ticks = range(500, 1500, 40)
    images = [picture(i) for i in range(25)]
    path = make_video(
        tmp_path / "clip.mkv", images, ticks=ticks, sound=click(0.6, 1.0), sound_codec="pcm_s16le",
        sound_first=0.5 + first,
    )  # fmt: skip
    assert torch.equal(read_audio(path, "earliest"), read_audio(path))


def test_lost_sound_becomes_silence(tmp_path):
    """Half a second missing in the middle: what follows keeps its place."""
    path = tmp_path / "gap.mkv"
    sound = click(1.5)
    with av.open(str(path), "w") as container:
        track = container.add_stream("pcm_s16le", rate=44_100)
        track.layout = "mono"
        for first in range(0, len(sound), 2205):
            if 0.5 * 44_100 <= first < 44_100:
                continue
            frame = av.AudioFrame.from_ndarray(sound[None, first : first + 2205], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 44_100, first, Fraction(1, 44_100)
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    assert _click_time(read_audio(path)) == pytest.approx(1.5, abs=2e-3)
    assert duration(path) == pytest.approx(2.0, abs=2e-3)


def test_a_cover_is_no_video(tmp_path):
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as container:
        track = container.add_stream("libmp3lame", rate=44_100)
        track.layout = "mono"
        cover = container.add_stream("png", rate=1)
        cover.width = cover.height = 16
        cover.pix_fmt = "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))))
        frame = av.AudioFrame.from_ndarray(click()[None], "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 44_100, 0, Fraction(1, 44_100)
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    assert _click_time(read_audio(path)) == pytest.approx(0.5, abs=1e-3)
    with pytest.raises(InputError, match="no picture"):
        list(frames(path))


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_resampling(tmp_path, rate):
    path = make_sound(tmp_path / "sine.wav", sine(1000, 3.3, rate), "pcm_s16le", rate)
    sound = read_audio(path)
    assert abs(len(sound) - 3.3 * 16_000) <= 1
    want = torch.from_numpy(sine(1000, 3.3, 16_000)[: len(sound)]).float()
    middle = slice(1000, -1000)
    assert (sound[middle] - want[middle]).abs().max() < 5e-3
    assert sound.dtype == torch.float32


def test_what_16_khz_cannot_hold_is_removed(tmp_path):
    path = make_sound(tmp_path / "high.wav", sine(9500, 1, 44_100), "pcm_s16le")
    assert read_audio(path)[1000:-1000].abs().max() < 0.01


def test_stereo(tmp_path):
    path = tmp_path / "stereo.wav"
    with av.open(str(path), "w") as container:
        track = container.add_stream("pcm_s16le", rate=16_000)
        track.layout = "stereo"
        frame = av.AudioFrame.from_ndarray(
            np.stack([np.full(800, 0.8), np.full(800, 0.4)]).astype(np.float32), "fltp", "stereo"
        )
        frame.sample_rate = 16_000
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    reader = AudioReader(path)
    assert (reader.rate, reader.channels) == (16_000, 2)
    both = np.concatenate(list(reader.blocks()), 1)
    assert both[0, 100] == pytest.approx(0.8, abs=1e-3)
    assert both[1, 100] == pytest.approx(0.4, abs=1e-3)
    assert read_audio(path)[100] == pytest.approx(0.6, abs=1e-3)


def make_stereo(path, left, right, rate=16_000):
    """A file of two channels."""
    with av.open(str(path), "w") as container:
        track = container.add_stream("pcm_s16le", rate=rate)
        track.layout = "stereo"
        both = np.stack([left, right]).astype(np.float32)
        for start in range(0, both.shape[1], 1024):
            piece = np.ascontiguousarray(both[:, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(piece, "fltp", "stereo")
            frame.sample_rate = rate
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return path


class TestOpposition:
    """Channels that cancel each other out, as wrongly wired microphones give them."""

    @pytest.mark.parametrize("silence", [0.0, 2.0])
    def test_the_louder_is_heard(self, tmp_path, caplog, silence):
        voice = np.concatenate([np.zeros(round(silence * 16_000)), sine(300, 3, 16_000)])
        path = make_stereo(tmp_path / "opposed.wav", -0.95 * voice, voice)
        np.testing.assert_allclose(read_audio(path).numpy(), voice, atol=1e-3)
        assert caplog.text.count("its channels cancel each other out") == 1

    def test_others_become_their_mean(self, tmp_path, caplog):
        left, right = sine(300, 3, 16_000), sine(450, 3, 16_000)
        for name, one, two in (("two", left, right), ("one", left, 0 * left), ("like", left, left)):
            path = make_stereo(tmp_path / f"{name}.wav", one, two)
            np.testing.assert_allclose(read_audio(path).numpy(), (one + two) / 2, atol=1e-3)
        assert not caplog.text

    def test_a_pair_is_kept(self, tmp_path):
        voice = sine(300, 1, 16_000)
        path = make_stereo(tmp_path / "opposed.wav", -voice, voice)
        both = np.concatenate(list(AudioReader(path).blocks()), 1)
        np.testing.assert_allclose(both, np.stack([-voice, voice]), atol=1e-3)


@pytest.mark.parametrize("default", [0, 1])
def test_the_default_track_is_heard(tmp_path, default):
    path, rate = tmp_path / "two.mkv", 16_000
    with av.open(str(path), "w") as container:
        tracks = [container.add_stream("pcm_s16le", rate=rate, layout="mono") for _ in range(2)]
        for number, track in enumerate(tracks):
            track.disposition = Disposition.default if number == default else Disposition(0)
        for number, track in enumerate(tracks):
            tone = sine(300 * (number + 1), 1, rate).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
            frame.sample_rate, frame.pts = rate, 0
            container.mux(track.encode(frame))
            container.mux(track.encode(None))
    want = sine(300 * (default + 1), 1, rate)
    np.testing.assert_allclose(read_audio(path).numpy(), want, atol=1e-3)


def test_blocks_are_small_and_add_up(tmp_path):
    path = make_sound(tmp_path / "long.flac", sine(300, 60, 44_100), "flac")
    blocks = list(mono_blocks(path))
    assert max(len(b) for b in blocks) <= 16_000
    assert torch.equal(torch.cat(blocks), read_audio(path))


@pytest.mark.skipif(not SPEECH.exists(), reason="the speech files are not here")
def test_real_speech():
    sound = read_audio(SPEECH)
    assert duration(SPEECH) == pytest.approx(len(sound) / 16_000, abs=1e-3)
    assert 0.1 < sound.abs().max() < 1


def test_bad_input(tmp_path, capfd):
    silent = make_video(tmp_path / "silent.mp4", [picture(i) for i in range(5)])
    empty = tmp_path / "empty.wav"
    empty.touch()
    text = tmp_path / "text.mp3"
    text.write_text("not sound " * 1000)
    header = make_sound(tmp_path / "whole.wav", click(), "pcm_s16le")
    whole = header.read_bytes()
    nothing = tmp_path / "nothing.wav"
    start = whole.index(b"data") + 8
    nothing.write_bytes(
        b"RIFF" + (start - 8).to_bytes(4, "little") + whole[8 : start - 4] + bytes(4)
    )
    cut = [nothing]
    for name, codec in (("cut.wav", "pcm_s16le"), ("cut.flac", "flac"), ("cut.m4a", "aac")):
        path = make_sound(tmp_path / name, click(), codec)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        cut.append(path)
    for path in (tmp_path / "missing.wav", tmp_path, silent, empty, text, *cut):
        for read in (read_audio, duration):
            with pytest.raises(InputError) as caught:
                read(path)
            assert "\n" not in str(caught.value)
            assert str(path) in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("claim", [0x7FFF_F000, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_wav_from_a_pipe(tmp_path, claim):
    """SoX, ElevenLabs and FFmpeg, who cannot go back to say how long it became."""
    whole = make_sound(tmp_path / "whole.wav", click(), "pcm_s16le")
    data = bytearray(whole.read_bytes())
    start = data.index(b"data") + 4
    data[4:8] = min(claim + start - 4, 0xFFFF_FFFF).to_bytes(4, "little")
    data[start : start + 4] = claim.to_bytes(4, "little")
    piped = tmp_path / "piped.wav"
    piped.write_bytes(data)
    assert torch.equal(read_audio(piped), read_audio(whole))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite(tmp_path, value):
    sound = click()
    sound[50_000] = value
    path = make_sound(tmp_path / "float.wav", sound, "pcm_f32le")
    for read in (read_audio, duration):
        with pytest.raises(InputError, match=r"float.wav: .* not finite"):
            read(path)


def test_wav_keeps_the_samples(tmp_path):
    samples = np.random.default_rng(0).uniform(-1, 1, 4321).astype(np.float32)
    write_wav(tmp_path / "noise.wav", samples)
    heard = read_audio(tmp_path / "noise.wav").numpy()
    np.testing.assert_allclose(heard, samples, rtol=0, atol=2 / 32768)


def test_wav_beyond_full_scale_is_clipped(tmp_path):
    loud = np.array([0.5, 1.0, 1.2, 3.0, -1.0, -1.2, -3.0] * 100, np.float32)
    write_wav(tmp_path / "loud.wav", loud)
    with wave.open(str(tmp_path / "loud.wav")) as file:  # another reader
        samples = np.frombuffer(file.readframes(700), "<i2")
    np.testing.assert_allclose(samples / 32767, loud.clip(-1, 1), atol=1 / 32767)


def test_a_faces_own_sound_goes_with_its_frames(tmp_path):
    face, other, link = (tmp_path / name for name in ("face.mp4", "other.wav", "link.mp4"))
    face.touch()
    other.touch()
    link.symlink_to(face)
    assert origin_of(link, face) == "picture"
    assert origin_of(other, face) == origin_of(other, None) == "earliest"
    assert origin_of(tmp_path / "missing.wav", face) == "earliest"
