"""What every training has in common: a method, its checks, and a checkpoint that holds it whole."""

import json
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from jaxtyping import Float
from lightning import LightningDataModule, LightningModule
from torch import Tensor
from torchmetrics import Metric

from avfuse.errors import InputError
from avfuse.method import Method, method_named
from avfuse.model_file import Plan, loaded, own_weights
from avfuse.types import Generated

SPLITS = ("seen", "unseen")
"""The validation sets, in order: of speakers that are trained on, and of others."""


class Training(LightningModule, ABC):
    """One of a method's trainings, on pairs, or on other tuples whose first tensor is a batch.

    Its checkpoints hold the whole method, whatever of it this training trains.

    Args:
        method: what is trained, weights at random.
        weights: a model to start from, by name or file, or a checkpoint of this or of an earlier
            stage; built alike.

    Attributes:
        method: what is trained.
        stage: of the method's `stages`; empty where it has but one training.
    """

    stage: ClassVar[str] = ""
    method: Method

    def __init__(self, method: Method, weights: str | None = None) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.method = method
        if weights is not None:
            given = loaded(weights)
            check_alike(Plan.of(given), Plan.of(method), f"model.weights={weights}")
            method.load_state_dict(method.state_dict() | _taken(given))
            method.trained = given.trained

    @abstractmethod
    def checks(self, batch: Any, split: str) -> dict[str, Tensor | Metric]:
        """Quick scores of what is held back, pairs unless the data are others, by name.

        Each is a mean over the frames of the batch, or a metric of `split` that has been given
        them: however pairs are spread over batches and processes, the epoch's score is the same.
        """

    @abstractmethod
    def forward(
        self, video: Float[Tensor, "B T 3 H W"], mel: Float[Tensor, "B T 80 S"]
    ) -> Generated:
        """What is made of clips, for pictures of it while it trains; frames fold, (N, ...)."""

    def shown(self, batch: Any) -> Float[Tensor, "2 N 3 H W"] | None:
        """Frames of what is held back, as they were filmed and as they are drawn, RGB in [0, 1].

        By default None: nothing is drawn in this training.
        """
        return None

    def fitted(self, data: LightningDataModule | None) -> None:
        """What has a closed form and is found before the first step; by default nothing.

        Args:
            data: what is trained on, where there is such.
        """

    def on_fit_start(self) -> None:
        self.fitted(getattr(self.trainer, "datamodule", None))

    def validation_step(self, batch: Any, batch_index: int, dataloader_idx: int = 0) -> None:
        self._log_checks(batch, "val", dataloader_idx)

    def test_step(self, batch: Any, batch_index: int, dataloader_idx: int = 0) -> None:
        self._log_checks(batch, "test", dataloader_idx)

    def _log_checks(self, batch: Any, stage: str, loader: int) -> None:
        split = SPLITS[loader]
        self.log_dict(
            {f"{stage}/{split}/{k}": v for k, v in self.checks(batch, split).items()},
            batch_size=len(batch[0]),
            add_dataloader_idx=False,
            sync_dist=True,
        )

    def trained_method(self) -> Method:
        """The method, this stage among those that it has been through."""
        if self.stage and self.stage not in self.method.trained:
            self.method.trained = (*self.method.trained, self.stage)
        return self.method

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Note how to build the method, as text: `avfuse export` needs no unpickling."""
        checkpoint["avfuse"] = json.dumps(Plan.of(self.trained_method())._asdict())

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say what differs, before torch lists every tensor that does not fit."""
        if "avfuse" not in checkpoint:
            raise InputError("the checkpoint was not written by avfuse fit")
        theirs = Plan.read(json.loads(checkpoint["avfuse"]))
        check_alike(theirs, Plan.of(self.method), "the checkpoint")
        state = checkpoint["state_dict"]
        if not any(name.startswith("method.") for name in state):  # the part's name before 0.2
            rest = {k: v for k, v in state.items() if not k.startswith("generator.")}
            own = {f"method.{k}": v for k, v in own_weights(state).items()}
            checkpoint["state_dict"] = {**rest, **own}


def check_alike(theirs: Plan, own: Plan, what: str) -> None:
    """Refuse weights of a network that was built otherwise.

    What the method leaves `free` may differ; what either configuration cannot tell is not compared.

    Args:
        theirs: the plan that comes with the weights.
        own: that of the network they are meant for.
        what: where the weights come from, for the message.

    Raises:
        InputError: naming each option that differs.
    """
    given, here = _flat(theirs), _flat(own)
    alike = theirs.method == own.method
    free = method_named(own.method).free(theirs.trained) if alike else frozenset()
    wrong = [k for k in given if k in here and k not in free and given[k] != here[k]]
    # Another strategy has other options: its name says it all.
    wrong = [k for k in wrong if not any(k.startswith(f"{other}.") for other in wrong)]
    if wrong:
        differences = "; ".join(f"{k} is {given[k]}, here {here[k]}" for k in wrong)
        raise InputError(f"{what} was built otherwise: {differences}; give both the same")


def _taken(given: Method) -> dict[str, Tensor]:
    """Weights to go on from: a network that is named as a stage yet to come begins at random."""
    ahead = set(given.stages) - set(given.trained) if given.trained else set()
    return {k: v for k, v in given.state_dict().items() if k.partition(".")[0] not in ahead}


def _flat(plan: Plan) -> dict[str, str]:
    """A plan as options and their values in JSON."""
    options = method_named(plan.method).spelled_out(plan.config)
    return {"method": plan.method, **{k: json.dumps(v) for k, v in options.items()}}
