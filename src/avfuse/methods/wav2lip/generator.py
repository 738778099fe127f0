"""Wav2Lip's generator as a method: the lower half of a face, drawn anew for every frame."""

import copy
from collections.abc import Iterable, Mapping
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.errors import InputError
from avfuse.layers.audio_encoder import AudioEncoder
from avfuse.layers.folding import compute_in, folded
from avfuse.method import Method
from avfuse.methods.wav2lip.layers import decoder, encoder, head
from avfuse.sound.mel import Hearing
from avfuse.types import Drawn, Framing, Seen

SIZE = 96
"""Pixels a side of the faces that it takes and draws."""

_SEAM = 0.06
"""Height, in sides of the crop, over which what is drawn fades in below the middle."""

_EXPERT = "face_encoder"  # what only the lip-sync expert has


class Wav2Lip(Method[Tensor, tuple[()], tuple[()]]):
    """Frames and sound in, lower halves of faces out.

    36,298,035 parameters and 7.93 GFLOP a frame, its audio encoder included. `state_dict` is that
    of the published weights, name by name.

    `hears` places a window as in its training (at 25 frames a second, from the step before
    3.2·(k - 1) on for frame k): there the sound of a mouth's moment lies 60 ms before the window's
    middle, and weights know it nowhere else. Its authors' inference begins every window one frame
    later.

    `framing` stands in for the face detector of its training (S3FD), whose boxes reach from
    forehead to chin and from cheek to cheek. It is an estimate: the medians of where a face mesh
    has these, over clips of twelve people, and below it the 10 pixels that its inference adds, of
    a face of 200.
    """

    paper: ClassVar[str] = (
        "Prajwal et al., A Lip Sync Expert Is All You Need for Speech to Lip Generation in the "
        "Wild (2020)"
    )
    framing: ClassVar[Framing] = Framing(0.12, -0.11, 0.88, 0.91)
    hears: Hearing = Hearing(16, 11.9)
    size: int = SIZE
    _upper: Tensor
    _lower: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.config = {}
        self.audio_encoder = AudioEncoder().layers
        self.face_encoder_blocks = nn.ModuleList(encoder())
        self.face_decoder_blocks = nn.ModuleList(decoder())
        self.output_block = head()
        # No weights, and so not among them: 1 where the network sees the frame, 1 where it draws.
        rows = (torch.arange(SIZE) + 0.5) / SIZE - 0.5
        faded = (rows / _SEAM).clamp(0, 1)
        self.register_buffer("_upper", (rows < 0).float().view(1, 1, SIZE, 1), persistent=False)
        lower = (faded**2 * (3 - 2 * faded)).view(1, 1, SIZE, 1).repeat(1, 1, 1, SIZE)
        self.register_buffer("_lower", lower, persistent=False)

    def prepare(
        self,
        heard: Float[Tensor, "1 T 80 16"],
        seen: Seen | None = None,
        person: tuple[()] = (),
        state: tuple[()] | None = None,
    ) -> tuple[Float[Tensor, "T 512"], tuple[()]]:
        """The audio feature of every frame's window; nothing goes from one to the next."""
        return self.audio_encoder(heard.transpose(0, 1)).flatten(1), ()

    def draw(
        self, images: Float[Tensor, "N 3 H W"] | None, condition: Float[Tensor, "N 512"]
    ) -> Drawn:
        """Draw faces, of which the lower half is pasted.

        The network was trained to copy the upper half, which it sees; the frame's own is sharper.

        Args:
            images: 96 x 96 pixels.
            condition: audio features.

        Raises:
            ValueError: they have another size.
        """
        assert images is not None  # it works on footage
        if images.shape[-2:] != (SIZE, SIZE):
            raise ValueError(
                f"images are {images.shape[-1]}x{images.shape[-2]}; expected {SIZE}x{SIZE}"
            )
        given = images.flip(1)  # the channels in the order of OpenCV, as in its training
        faces = torch.cat([given * self._upper, given], 1)
        drawn = self._paint(condition.view(-1, 512, 1, 1), faces).flip(1)
        mask = self._lower.expand(images.shape[0], -1, -1, -1)  # no `len`: graphs take any number
        return Drawn(drawn.to(images.dtype), mask)

    def forward(
        self, mel: Float[Tensor, "N 1 80 16"], faces: Float[Tensor, "N 6 96 96"]
    ) -> Float[Tensor, "N 3 96 96"]:
        """The network alone.

        Args:
            mel: windows of 16 steps.
            faces: the frame, its lower half zero, and a reference frame beside it; blue, green,
                red, each in [0, 1].

        Returns:
            Faces; blue, green, red in [0, 1].
        """
        return self._paint(self.audio_encoder(mel), faces)

    def lean(self, dtype: torch.dtype) -> "Wav2Lip":
        """A copy that does less work, equal but for rounding.

        Args:
            dtype: of all but the first layers, which see mel and picture, and the last.
        """
        copied = folded(copy.deepcopy(self).eval().requires_grad_(False))
        if dtype != torch.float32:
            inner = *copied.audio_encoder[1:], *copied.face_encoder_blocks[1:]
            for part in (*inner, *copied.face_decoder_blocks):
                compute_in(part, dtype)
            compute_in(copied.output_block, torch.float32)
        return copied.to(memory_format=torch.channels_last)

    @classmethod
    def recognises(cls, names: Iterable[str]) -> bool:
        """Whether weights are those of its generator, or of its expert, which `take` refuses."""
        parts = {name.partition(".")[0] for name in names}
        return "audio_encoder" in parts and not parts.isdisjoint({"face_decoder_blocks", _EXPERT})

    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Take the published weights.

        Args:
            weights: all 352 tensors, by their names there.

        Raises:
            InputError: they are others; nothing was taken.
        """
        if any(name.startswith(f"{_EXPERT}.") for name in weights):
            raise InputError(
                "holds Wav2Lip's lip-sync expert, not its generator; give wav2lip.pth or "
                "wav2lip_gan.pth"
            )
        own = self.state_dict()
        differ = {k for k in own.keys() & weights.keys() if own[k].shape != weights[k].shape}
        differ |= own.keys() ^ weights.keys()
        if differ:
            raise InputError(
                f"does not hold Wav2Lip's generator of {SIZE} pixels: {len(differ)} of its "
                f"{len(own)} tensors are missing, left over or of another shape, such as "
                f"{min(differ)}; give wav2lip.pth or wav2lip_gan.pth"
            )
        self.load_state_dict(dict(weights))

    def _paint(
        self, feature: Float[Tensor, "N 512 1 1"], faces: Float[Tensor, "N 6 96 96"]
    ) -> Float[Tensor, "N 3 96 96"]:
        features = []
        y = faces
        for block in self.face_encoder_blocks:
            y = block(y)
            features.append(y)
        y = feature
        for block in self.face_decoder_blocks:
            y = torch.cat([block(y), features.pop()], 1)
        drawn: Tensor = self.output_block(y)
        return drawn
