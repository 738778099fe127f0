"""The benchmark as a whole, once through: what it says, not how long anything took."""

import json
import xml.etree.ElementTree as ET

import pytest
import torch
import torch.nn.functional as F

from avfuse.bench.clip import film, transcode
from avfuse.bench.layers import FORMS, dynamic_conv_times
from avfuse.bench.networks import network_times
from avfuse.bench.report import best, plot, tables
from avfuse.bench.run import bench
from avfuse.cli import main
from avfuse.video.audio import duration
from avfuse.video.read import frames, probe


@pytest.fixture(scope="module")
def measured(generator):
    return bench(generator, quick=True, quiet=True)


class TestJson:
    def test_has_every_part(self, measured):
        found = json.loads(json.dumps(measured.as_json()))
        assert {
            "generator", "wav2lip_96", "end_to_end", "dynamic_conv", "peak_rss_mb", "machine"
        } <= set(found)  # fmt: skip
        for row in found["generator"]:
            assert {"runner", "batch", "size", "network", "ms_per_frame"} <= set(row)
            assert row["ms_per_frame"] > row["prepare_ms_per_frame"] > 0
        for row in found["wav2lip_96"]:
            assert set(row) == {"batch", "ms_per_frame"}
        assert {"frames", "seconds", "transcode_seconds", "ratio"} <= set(found["end_to_end"])
        assert found["peak_rss_mb"] > 100  # torch alone takes that
        assert found["machine"]["torch"] == torch.__version__

    def test_every_runner_at_every_batch_and_size(self, generator):
        times = network_times(
            generator, ("eager", "fast-cpu", "cuda-graph"), (1, 2), (64, 96), rounds=1, quiet=True
        )
        rows = [(row.runner, row.size, row.network, row.batch) for row in times.generator]
        # Larger than the network was trained for: drawn at its own size, and at the picture's.
        ways = ((64, 64), (96, 64), (96, 96))
        expected = [(r, *way, b) for r in ("eager", "fast-cpu") for way in ways for b in (1, 2)]
        assert sorted(rows) == sorted(expected)
        assert [row.batch for row in times.wav2lip] == [1, 2]
        assert set(times.skipped) == {"cuda-graph"}

    def test_a_clip_of_1280x720_whose_face_speaks(self, measured):
        whole = measured.end_to_end
        assert (whole.frames, whole.width, whole.height) == (10, 1280, 720)
        assert whole.ratio == pytest.approx(whole.seconds / whole.transcode_seconds)
        stages = {"decode", "faces", "sound", "prepare", "generator", "paste", "encode"}
        assert set(whole.stages) == stages
        # Stages overlap: none takes longer than the whole, together they may.
        longest = max(whole.stages.values()) * whole.frames / 1000
        assert 0 < longest < whole.seconds


class TestClip:
    def test_transcoding_does_the_same_frames_and_sound(self, face, speech, tmp_path):
        transcode(face, speech, tmp_path / "plain.mp4", 20)
        assert sum(1 for _ in frames(tmp_path / "plain.mp4")) == 20
        assert probe(tmp_path / "plain.mp4")[:2] == probe(face)[:2]
        assert duration(tmp_path / "plain.mp4") == pytest.approx(20 / 25, abs=1 / 25)

    def test_film_is_found_by_the_detector(self, tmp_path):
        from avfuse.faces.choose import one_face

        film(tmp_path / "film.mp4", 0.2)
        tracked = list(one_face().track(frames(tmp_path / "film.mp4")))
        assert len(tracked) == 5
        assert all(face is not None for _, face in tracked)


class TestLayers:
    @pytest.mark.parametrize("taps", [1, 3])
    def test_all_forms_compute_the_same(self, taps):
        torch.manual_seed(0)
        x, kernel, bias = (
            torch.randn(3, 8, 5, 5),
            torch.randn(3, 8, 8, taps, taps),
            torch.randn(3, 8),
        )
        ours, grouped, vmapped, static = (
            form(x, kernel, bias, taps // 2)
            for form in (FORMS[n] for n in ("dynamic", "grouped", "vmap", "static"))
        )
        alone = [F.conv2d(x[i], kernel[i], bias[i], padding=taps // 2) for i in range(3)]
        for other in (grouped, vmapped, torch.stack(alone)):
            torch.testing.assert_close(ours, other, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(static[0], alone[0], rtol=1e-4, atol=1e-4)

    def test_every_form_kernel_and_batch(self):
        rows = dynamic_conv_times(torch.device("cpu"), (1, 2), rounds=1, quiet=True)
        keys = {(row.form, row.kernel_size, row.batch) for row in rows}
        assert keys == {(f, k, b) for f in FORMS for k in (1, 3) for b in (1, 2)}
        assert len(rows) == len(keys)


class TestReport:
    def test_tables_name_everything(self, measured):
        text = tables(measured)
        for words in ("eager", "fast-cpu", "Wav2Lip", "paste", "vmap", "processor", "peak memory"):
            assert words in text

    def test_plot_is_a_picture_with_a_bar_for_each(self, measured):
        root = ET.fromstring(plot(measured.networks))
        bars = [e for e in root.iter() if e.tag.endswith("rect")]
        assert len(bars) == len(best(measured.networks)) == 3
        lengths = [float(bar.get("width")) for bar in bars]
        times = list(best(measured.networks).values())
        for length, ms in zip(lengths, times, strict=True):
            assert length / max(lengths) == pytest.approx(ms / max(times), abs=0.01)

    def test_best_batch(self, measured):
        row = measured.networks.generator[0]
        slower = row._replace(batch=8, ms_per_frame=2 * row.ms_per_frame)
        networks = measured.networks._replace(generator=[slower, row], wav2lip=[])
        assert list(best(networks).values()) == [row.ms_per_frame]


class TestCommand:
    def test_writes_files_and_prints_tables(self, model, face, speech, tmp_path, capsys):
        words = ["bench", "--quick", "--model", str(model), "--face", str(face)]
        words += ["--audio", str(speech), "--json", str(tmp_path / "b.json")]
        assert main([*words, "--plot", str(tmp_path / "b.svg")]) == 0
        assert "Wav2Lip" in capsys.readouterr().out
        found = json.loads((tmp_path / "b.json").read_text())
        assert found["end_to_end"]["frames"] == 25
        assert (tmp_path / "b.svg").read_text().startswith("<svg")
        assert sorted(p.name for p in tmp_path.iterdir()) == ["b.json", "b.svg"]

    def test_refuses_a_place_before_it_measures(self, tmp_path, capsys):
        assert main(["bench", "--json", str(tmp_path / "nowhere" / "b.json")]) == 2
        assert "nowhere" in capsys.readouterr().err
