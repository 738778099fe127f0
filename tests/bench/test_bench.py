"""The benchmark as a whole, once through: what it says, not how long anything took."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import avfuse.bench
from avfuse.bench.clip import end_to_end, film, transcode
from avfuse.bench.layers import FORMS, dynamic_conv_times
from avfuse.bench.meshes import raster_times
from avfuse.bench.networks import YARDSTICK, network_times
from avfuse.bench.report import best, plot, table_iv, tables
from avfuse.bench.run import bench
from avfuse.cli import main
from avfuse.method import Method, method_named, methods
from avfuse.sound.mel import Hearing
from avfuse.types import Drawn
from avfuse.video.audio import duration
from avfuse.video.read import frames, probe


class Counted(Method):
    """Remembers how long its chunks were, and whether they went on from others."""

    paper = "nobody's"
    references = 2
    footage = False
    size = 32
    hears = Hearing(8, 2)

    def __init__(self):
        super().__init__()
        self.config, self.scale = {}, torch.nn.Parameter(torch.ones(1), requires_grad=False)
        self.prepared, self.drawn, self.met = [], [], []

    def meet(self, seen, heard):
        self.met.append(len(seen.images))
        return self.scale

    def prepare(self, heard, seen, person, state):
        self.prepared.append((heard.shape, len(seen.images), state is None))
        return heard.mean((0, 2, 3)) * person, heard[0, -1]

    def draw(self, images, condition):
        self.drawn.append(len(images))
        return Drawn(images * condition.view(-1, 1, 1, 1))


@pytest.fixture
def only_yardstick(monkeypatch):
    monkeypatch.setattr("avfuse.bench.networks.methods", lambda: [YARDSTICK])


@pytest.fixture(scope="module")
def measured(generator):
    return bench(generator, quick=True, quiet=True)


class TestJson:
    def test_has_every_part(self, measured):
        found = json.loads(json.dumps(measured.as_json()))
        assert {
            *("networks", "yardstick", "end_to_end", "dynamic_conv", "rasteriser"),
            *("peak_rss_mb", "machine"),
        } <= set(found)
        for row in found["networks"]:
            assert {"method", "runner", "batch", "size", "network", "ms_per_frame"} <= set(row)
            assert row["ms_per_frame"] > row["prepare_ms_per_frame"] > 0
        assert found["yardstick"]["method"] == YARDSTICK
        assert {"frames", "seconds", "transcode_seconds", "ratio"} <= set(found["end_to_end"])
        assert found["peak_rss_mb"] > 100  # torch alone takes that
        assert found["machine"]["torch"] == torch.__version__

    def test_every_runner_at_every_batch_and_size(self, generator, only_yardstick):
        times = network_times(
            generator, ("eager", "fast-cpu", "cuda-graph"), (1, 2), (64, 96), rounds=1, quiet=True
        )
        rows = [(row.runner, row.size, row.network, row.batch) for row in times.rows]
        # Larger than the network was trained for: drawn at its own size, and at the picture's.
        ways = ((64, 64), (96, 64), (96, 96))
        expected = [(r, *way, b) for r in ("eager", "fast-cpu") for way in ways for b in (1, 2)]
        assert rows == [*expected, ("eager", 96, 96, 1), ("eager", 96, 96, 2)]
        assert [row.method for row in times.rows[-3:]] == ["dynamic_kernels", YARDSTICK, YARDSTICK]
        assert times.yardstick == min(row.ms_per_frame for row in times.rows[-2:])
        assert set(times.skipped) == {"cuda-graph"}

    def test_every_method_is_measured_or_says_why_not(self, measured):
        ran = {row.method for row in measured.networks.rows}
        assert ran | set(measured.networks.skipped) == set(methods())
        assert {"dynamic_kernels", YARDSTICK} <= ran

    def test_knows_no_method_by_its_folder(self):
        """But for the one constant."""
        for path in Path(avfuse.bench.__path__[0]).glob("*.py"):
            assert "avfuse.methods" not in path.read_text()

    def test_a_clip_of_1280x720_whose_face_speaks(self, measured):
        whole = measured.end_to_end
        assert (whole.frames, whole.width, whole.height) == (10, 1280, 720)
        assert whole.ratio == pytest.approx(whole.seconds / whole.transcode_seconds)
        stages = {"decode", "faces", "sound", "prepare", "generator", "paste", "encode"}
        assert set(whole.stages) == stages
        # Stages overlap: none takes longer than the whole, together they may.
        longest = max(whole.stages.values()) * whole.frames / 1000
        assert 0 < longest < whole.seconds


class TestMeshes:
    def test_every_work_and_batch(self):
        rows = raster_times(torch.device("cpu"), (1, 2), rounds=1, quiet=True)
        works = ("rasterise", "textured", "gradients")
        assert [(row.work, row.batch) for row in rows] == [(w, b) for b in (1, 2) for w in works]
        assert min(row.ms_per_frame for row in rows) > 0


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


class TestAnyMethod:
    def test_by_the_contract_alone(self, monkeypatch, only_yardstick):
        """With a state and references, and a size that it cannot leave."""
        monkeypatch.setattr("avfuse.bench.networks.name_of", lambda kind: "counted")
        method = Counted().eval()
        times = network_times(method, ("eager",), (1, 6), (32, 256), rounds=2, quiet=True)
        own = [row for row in times.rows if row.method == "counted"]
        assert [(row.batch, row.size, row.network) for row in own] == [(1, 32, 32), (6, 32, 32)]
        assert set(method.met) == {2}
        shapes = {(shape, count) for shape, count, _ in method.prepared}
        assert shapes == {((1, n, 80, 8), n) for n in (1, 6)}
        # Once a batch, before anything is timed.
        assert sum(begins for *_, begins in method.prepared) == 2
        assert sorted(set(method.drawn)) == [1, 6]

    def test_the_yardstick_itself(self, monkeypatch):
        monkeypatch.setattr("avfuse.bench.networks.methods", lambda: [YARDSTICK])
        method = method_named(YARDSTICK).build({}).eval().requires_grad_(False)
        times = network_times(method, ("eager",), (1,), (96,), rounds=1, quiet=True)
        (row,) = times.rows
        assert times.yardstick == row.ms_per_frame

    def test_whole_frames_need_no_face(self, tmp_path, speech, face):
        whole = end_to_end(Alone(), face, speech, tmp_path, rounds=1, quiet=True)
        assert (whole.width, whole.height) == (48, 48)
        assert whole.frames == 20


class Alone(Counted):
    """Makes whole frames of nobody."""

    whole = True
    references = 0
    size = 48
    fps = 20.0

    def meet(self, seen, heard):
        return self.scale

    def prepare(self, heard, seen, person, state):
        return heard.mean((0, 2, 3)) * person, ()

    def draw(self, images, condition):
        return Drawn(condition.view(-1, 1, 1, 1).expand(-1, 3, 48, 48).sigmoid())


class TestReport:
    def test_tables_name_everything(self, measured):
        text = tables(measured)
        for words in ("eager", "fast-cpu", YARDSTICK, "paste", "vmap", "processor", "peak memory"):
            assert words in text

    def test_table_iv_has_a_row_for_each_method_at_its_own_size(self, measured):
        rows = table_iv(measured.networks)
        assert {row[0] for row in rows} == {row.method for row in measured.networks.rows}
        assert len({row[0] for row in rows}) == len(rows)
        (yardstick,) = (row for row in rows if row[0] == YARDSTICK)
        assert yardstick[-1] == "1.0"
        times = [float(row[-3]) for row in rows]
        assert times == sorted(times)

    def test_plot_is_a_picture_with_a_bar_for_each(self, measured):
        root = ET.fromstring(plot(measured.networks))
        bars = [e for e in root.iter() if e.tag.endswith("rect")]
        assert len(bars) == len(best(measured.networks)) >= 3
        lengths = [float(bar.get("width")) for bar in bars]
        times = [row.ms_per_frame for row in best(measured.networks).values()]
        for length, ms in zip(lengths, times, strict=True):
            assert length / max(lengths) == pytest.approx(ms / max(times), abs=0.01)

    def test_best_batch(self, measured):
        row = measured.networks.rows[0]
        slower = row._replace(batch=8, ms_per_frame=2 * row.ms_per_frame)
        networks = measured.networks._replace(rows=[slower, row])
        assert list(best(networks).values()) == [row]


class TestCommand:
    def test_writes_files_and_prints_tables(self, model, face, speech, tmp_path, capsys):
        words = ["bench", "--quick", "--model", str(model), "--face", str(face)]
        words += ["--audio", str(speech), "--json", str(tmp_path / "b.json")]
        assert main([*words, "--plot", str(tmp_path / "b.svg")]) == 0
        assert YARDSTICK in capsys.readouterr().out
        found = json.loads((tmp_path / "b.json").read_text())
        assert found["end_to_end"]["frames"] == 25
        assert (tmp_path / "b.svg").read_text().startswith("<svg")
        assert sorted(p.name for p in tmp_path.iterdir()) == ["b.json", "b.svg"]

    def test_refuses_a_place_before_it_measures(self, tmp_path, capsys):
        assert main(["bench", "--json", str(tmp_path / "nowhere" / "b.json")]) == 2
        assert "nowhere" in capsys.readouterr().err
