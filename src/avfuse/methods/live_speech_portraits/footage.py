"""A person's footage: its takes at 60 frames a second, and what the person is by them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.errors import InputError
from avfuse.methods.live_speech_portraits.candidates import choose_candidates, mouth_areas
from avfuse.methods.live_speech_portraits.method import FPS, LiveSpeechPortraits
from avfuse.methods.live_speech_portraits.person import Person
from avfuse.methods.live_speech_portraits.points import MOUTH, REST
from avfuse.methods.live_speech_portraits.shoulders import billboard
from avfuse.methods.live_speech_portraits.speech import MEL, PAIR
from avfuse.methods.live_speech_portraits.take import Take
from avfuse.sound.mel import Hearing, mel_windows

_SYLLABLES = 0.15  # standard deviation of the mean mel level, of 8 from silence to the loudest
_APART = 2  # mel steps from one representation that the bank is offered to the next


class Moving(NamedTuple):
    """A take's motion at 60 frames a second, between the frames of the footage on straight lines.

    Attributes:
        times: of the frames, seconds in the recording's sound.
        face: the 73 points in space.
        poses: of the head.
    """

    times: Float[Tensor, "F"]
    face: Float[Tensor, "F P 3"]
    poses: Float[Tensor, "F 6"]


def moving(take: Take) -> Moving:
    """Lay a take's motion onto 60 frames a second."""
    count = int(take.seconds * FPS) + 1
    times = take.times[0] + torch.arange(count, dtype=torch.float64) / FPS
    face = _between(take.times, take.face.flatten(1), times)
    return Moving(times, face.reshape(count, -1, 3), _between(take.times, take.poses, times))


def split(takes: Sequence[Take], held: float) -> tuple[list[Take], list[Take]]:
    """Takes that are trained on, and those that are held back.

    Of several, whole ones, spread evenly; of a single one, its end.

    Args:
        takes: in order.
        held: share of them.
    """
    if len(takes) * held < 1:
        return [t.between(0.0, 1 - held) for t in takes], [t.between(1 - held, 1.0) for t in takes]
    every = round(1 / held)
    back = [take for number, take in enumerate(takes) if number % every == every - 1]
    return [take for number, take in enumerate(takes) if number % every != every - 1], back


def speaks(take: Take) -> bool:
    """Whether somebody is heard: loudness that goes up and down, as it does with syllables."""
    return float(take.mel.mean(0).std()) > _SYLLABLES


def sounding(take: Take, times: Float[Tensor, "F"]) -> Float[Tensor, "S 80"]:
    """The mel steps of frames, a pair each, silence beyond the sound's end."""
    windows = mel_windows(take.mel, times, Hearing(PAIR, PAIR, MEL))
    return windows.mT.flatten(0, 1)


def meet(method: LiveSpeechPortraits, takes: Sequence[Take]) -> None:
    """Let a method take a person from footage: everything that has a closed form.

    Args:
        method: whose speech representation is trained.
        takes: that are trained on.
    """
    heard = [_representations(method, take) for take in takes]
    method.manifold.fit(torch.cat(heard)[::_APART])
    take_person(method.person, takes)


def take_person(person: Person, takes: Sequence[Take]) -> None:
    """Find what is kept of a person."""
    motions = [moving(take) for take in takes]
    face, poses = (torch.cat(part) for part in list(zip(*motions, strict=True))[1:])
    speeds = torch.cat([motion.poses.diff(dim=0) for motion in motions])
    longest = max(motions, key=lambda motion: len(motion.times))
    person.face.copy_(face.mean(0))
    person.mouth_unit.copy_((face - face.mean(0))[:, MOUTH].square().mean().sqrt())
    person.pose_mean.copy_(poses.mean(0))
    person.pose_spread.copy_(poses.std(0).clamp_min(1e-4))
    person.speed_spread.copy_(speeds.std(0).clamp_min(1e-5))
    kept = min(len(longest.times), len(person.poses))
    person.poses[:kept] = longest.poses[:kept].to(person.poses)
    person.upper[:kept] = (longest.face[:kept, REST] - face.mean(0)[REST]).to(person.upper)
    person.count.fill_(kept)
    person.focal.copy_(takes[0].focal)
    person.centre.copy_(takes[0].centre)
    _take_shoulders(person, takes)
    _take_candidates(person, takes)


def mouths(person: Person, face: Float[Tensor, "F P 3"]) -> Float[Tensor, "F V"]:
    """The displacements that the mouth's network is to give, in the mouth's unit."""
    return (face - person.face.cpu())[:, MOUTH].flatten(1) / person.mouth_unit.cpu()


@torch.no_grad()
def _representations(method: LiveSpeechPortraits, take: Take) -> Float[Tensor, "S D"]:
    steps = sounding(take, moving(take).times).to(method.device)
    return method.speech(steps[None])[0][0]


def _take_shoulders(person: Person, takes: Sequence[Take]) -> None:
    """The billboard, of the takes that show shoulders, if the person has any."""
    if not len(person.board):
        return
    seen = [take for take in takes if take.shoulders.shape[1] == len(person.board)]
    if not seen:
        raise InputError(
            "no shoulders are seen in the footage; film more of the body, or give "
            "--model.shoulders=0 for a person without"
        )
    poses = torch.cat([take.poses for take in seen])
    points = torch.cat([take.shoulders for take in seen])
    person.board.copy_(billboard(points, person.camera(poses.to(person.poses))))


def _take_candidates(person: Person, takes: Sequence[Take]) -> None:
    places = [(take, number) for take in takes for number in range(len(take.times))]
    areas = torch.cat([mouth_areas(take.face) for take in takes])
    turned = torch.cat([take.poses[:, :3] for take in takes])
    chosen = choose_candidates(areas, turned, len(person.candidates))
    for slot, at in zip(person.candidates, chosen, strict=True):
        take, number = places[at]
        slot.copy_(take.picture(number).movedim(-1, 0))


def _between(
    times: Float[Tensor, "T"], values: Float[Tensor, "T V"], wanted: Float[Tensor, "F"]
) -> Float[Tensor, "F V"]:
    columns = [np.interp(wanted.numpy(), times.numpy(), v) for v in values.double().T.numpy()]
    return torch.from_numpy(np.stack(columns, 1)).float()
