"""Keep the speech representation of a training as a file of its own.

python -m avfuse.methods.live_speech_portraits.speech_file CHECKPOINT OUT.safetensors --credit ...
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from avfuse.errors import InputError
from avfuse.files.weights import save_network
from avfuse.methods.live_speech_portraits.method import LiveSpeechPortraits
from avfuse.model_file import loaded


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file."""
    parser = argparse.ArgumentParser("speech_file", description="keep a speech representation")
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="of stage 1, or a model file")
    parser.add_argument("output", type=Path, metavar="OUT.safetensors")
    parser.add_argument("--credit", default="", help="training data and their licences")
    options = parser.parse_args(arguments)
    try:
        method = loaded(options.checkpoint)
        if not isinstance(method, LiveSpeechPortraits) or "speech" not in method.trained:
            raise InputError(f"{options.checkpoint}: no speech representation was trained in it")
        save_network(method.speech, {"width": method.speech.width}, options.output, options.credit)
    except InputError as error:
        print(f"speech_file: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
