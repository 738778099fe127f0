"""What this machine does in how many milliseconds: every stage, every runner, and a yardstick."""

from avfuse.bench.run import Measured, bench

__all__ = ["Measured", "bench"]
