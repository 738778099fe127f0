"""`avfuse methods`."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avfuse.method import Method

HELP = "list the methods, what each needs, and which have a bundled model"


def add_flags(_: argparse.ArgumentParser) -> None:
    """Nothing may follow `avfuse methods`."""


def run(_: argparse.Namespace) -> None:
    """List them: name, what it is shown, how far ahead it hears, bundled models, paper."""
    import torch

    from avfuse.method import method_named, methods
    from avfuse.model_file import bundled

    models = list(bundled())
    for name in methods():
        # Without weights, since some of the facts are a built method's own.
        with torch.device("meta"):
            method = method_named(name).build({})
        own = ", ".join(model.name for model in models if model.method == name) or "no model"
        ahead = f"{1000 * method.hears.delay:.0f} ms ahead"
        print(f"{name:<21} {needs(method):<31} {ahead:>13}   {own:<12} {method.paper}")


def needs(method: "Method") -> str:
    """What has to be shown to a method, in words, by its facts."""
    shown = ["footage"] if method.footage else []
    if method.references:
        most = "up to " if method.fewer else ""
        shown.append("a photo" if method.references == 1 else f"{most}{method.references} frames")
    landmarks = " with landmarks" if method.landmarks and shown else ""
    return " and ".join(shown) + landmarks if shown else "nothing"
