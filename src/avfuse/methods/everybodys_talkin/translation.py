"""Sound to expression as it is trained: eq. 2 and 3, and how far it is off."""

from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn

from avfuse.errors import InputError
from avfuse.experts.speakers.network import load_speaker_net
from avfuse.methods.everybodys_talkin import losses
from avfuse.methods.everybodys_talkin.examples import Examples
from avfuse.methods.everybodys_talkin.expression import Expressions
from avfuse.methods.everybodys_talkin.method import EverybodysTalkin


class TranslationLoss(nn.Module):
    """L_norm and L_trans (eq. 2 and 3), in the method's units.

    Args:
        norm: weight of eq. 2.
        expression: weight of ||ê - e||₂.
        shape: weight of ||l̂ - l||₂, which is in distances of the outer eye corners.
        speakers: file of a classifier of speakers; None takes the shipped one.
    """

    def __init__(self, norm: float, expression: float, shape: float, speakers: str | None) -> None:
        super().__init__()
        self.norm, self.expression, self.shape = norm, expression, shape
        path = None if speakers is None else Path(speakers)
        self.speakers = load_speaker_net(path).eval().requires_grad_(False) if norm else None

    def train(self, mode: bool = True) -> "TranslationLoss":
        """Who names the speakers does not learn."""
        return super().train(False)

    def forward(
        self, method: EverybodysTalkin, given: Examples
    ) -> tuple[dict[str, Tensor], Float[Tensor, "N 68 2"]]:
        """The terms, weighted, and the landmarks that sound gives."""
        x = method.id_removing(method.sound(given.heard.flatten(0, 1)))
        values, seen = method.regressed(method.translate(x)), given.landmarks.flatten(0, 1)
        spoken, true = (
            method.regressed.points(v, seen, given.fit.identity, given.fit.camera)
            for v in (values, method.regressed.truth(seen, given.fit))
        )
        apart = losses.shape_distance(spoken, true, given.fit.camera.scale)
        terms = {"shape": self.shape * apart}
        if isinstance(method.regressed, Expressions):
            difference = losses.expression_distance(values, given.fit.expression)
            terms["expression"] = self.expression * difference
        if self.speakers is not None:
            terms["norm"] = self.norm * losses.anonymity(self.speakers(x))
        return terms, spoken


def translation_loss(
    method: EverybodysTalkin, norm: float, expression: float, shape: float, speakers: str | None
) -> TranslationLoss:
    """The losses of section 3.2; without ID removing there is nothing that eq. 2 could change.

    Raises:
        InputError: the classifier hears other cepstra than the method.
    """
    removed = isinstance(method.id_removing, nn.Identity)
    loss = TranslationLoss(0.0 if removed else norm, expression, shape, speakers)
    if loss.speakers is not None and loss.speakers.coefficients != method.coefficients:
        raise InputError(
            f"the classifier of speakers hears {loss.speakers.coefficients} cepstra a step, the "
            f"model {method.coefficients}; give both the same"
        )
    return loss


def regression_checks(method: EverybodysTalkin, given: Examples) -> dict[str, Tensor]:
    """Eq. 5 of clips."""
    values, seen = method.listen(method.sound(given.heard.flatten(0, 1))), given.landmarks
    seen, fit = seen.flatten(0, 1), given.fit
    truth = method.regressed.truth(seen, fit)
    spoken, true = (
        method.regressed.points(v, seen, fit.identity, fit.camera) for v in (values, truth)
    )
    errors = {"landmark_error": losses.landmark_error(spoken, true)}
    if isinstance(method.regressed, Expressions):
        errors["expression_error"] = losses.expression_error(values, truth)
    return errors


def hearing(method: EverybodysTalkin) -> list[nn.Parameter]:
    """The weights of what hears: both networks of section 3.2."""
    return [*method.id_removing.parameters(), *method.translate.parameters()]
