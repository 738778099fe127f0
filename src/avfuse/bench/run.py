"""The whole benchmark, part by part."""

import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import torch

from avfuse.bench.clip import EndToEnd, end_to_end, film
from avfuse.bench.layers import DynamicConvTime, dynamic_conv_times
from avfuse.bench.meshes import RasterTime, raster_times
from avfuse.bench.networks import YARDSTICK, NetworkTimes, network_times
from avfuse.data.synthetic import synthetic_clip
from avfuse.method import Method
from avfuse.runtime.choose import RUNNERS
from avfuse.video.audio import write_wav

SIZES = (256,)
"""Pixels a side of the pictures, beside the model's own, where it draws any."""


class Measured(NamedTuple):
    """Everything that was measured, in one process.

    Attributes:
        networks: the model, runner by runner, and every other method.
        end_to_end: a clip, beside a plain transcoding of it.
        dynamic_conv: the dynamic layer beside other forms of it.
        rasteriser: pictures of the face model.
        peak_rss_mb: the most memory that the process held, in 10^6 bytes; None where the system
            does not say.
        machine: what it ran on.
    """

    networks: NetworkTimes
    end_to_end: EndToEnd
    dynamic_conv: list[DynamicConvTime]
    rasteriser: list[RasterTime]
    peak_rss_mb: float | None
    machine: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return {
            "networks": [row._asdict() for row in self.networks.rows],
            "yardstick": {"method": YARDSTICK, "ms_per_frame": self.networks.yardstick},
            "skipped": self.networks.skipped,
            "end_to_end": self.end_to_end._asdict(),
            "dynamic_conv": [row._asdict() for row in self.dynamic_conv],
            "rasteriser": [row._asdict() for row in self.rasteriser],
            "peak_rss_mb": self.peak_rss_mb,
            "machine": self.machine,
        }


def bench(
    method: Method,
    *,
    face: Path | None = None,
    audio: Path | None = None,
    quick: bool = False,
    quiet: bool = False,
) -> Measured:
    """Measure this machine.

    Args:
        method: whose runners are measured, where it is to run; every other method is measured
            as it is.
        face: video with a face; a procedural one of 1280 x 720 pixels unless given.
        audio: file with sound; a procedural voice unless given.
        quick: a look at whether everything runs, in a few seconds, and not a measurement.
        quiet: no progress bars.

    Raises:
        InputError: for input that cannot be used.
    """
    device = method.device
    many = (1, 4, 8, 32) if device.type == "cuda" else (1, 4, 8)  # a GPU is not full with 8
    rounds, batches = (1, (1,)) if quick else (15, many)
    runners = ("eager", "fast-cpu") if quick else RUNNERS[1:]  # without auto, which is one of them
    sizes = (method.size,) if quick else tuple(sorted({method.size, *SIZES}))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        face = face or _film(folder / "face.mp4", 0.4 if quick else 8.0)
        audio = audio or _record(folder / "speech.wav", 0.4 if quick else 8.0)
        # First, so that the peak of memory is that of generating.
        whole = end_to_end(method, face, audio, folder, rounds=1 if quick else 3, quiet=quiet)
    memory = peak_rss()
    layers = dynamic_conv_times(device, batches, rounds=rounds * 10, quiet=quiet)
    meshes = raster_times(device, batches, rounds=rounds, quiet=quiet)
    networks = network_times(method, runners, batches, sizes, rounds=rounds, quiet=quiet)
    return Measured(networks, whole, layers, meshes, memory, machine(device))


def machine(device: torch.device) -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def peak_rss() -> float | None:
    """The most memory that this process has held so far, in 10^6 bytes; None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kibibytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _film(path: Path, seconds: float) -> Path:
    film(path, seconds)
    return path


def _record(path: Path, seconds: float) -> Path:
    write_wav(path, synthetic_clip(12, seconds=seconds, size=32).waveform)
    return path
