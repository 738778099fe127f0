"""Interchangeable ways to fuse sound and image, a file each; they are found, not listed."""


def __getattr__(name: str) -> object:
    """A strategy by the name of its class, so that recipes may say `avfuse.fusion.NoFusion`."""
    from avfuse.fusion.base import Fusion
    from avfuse.fusion.naming import strategies

    if name == Fusion.__name__:
        return Fusion
    if name.startswith("_") or name not in (known := strategies()):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return known[name]
