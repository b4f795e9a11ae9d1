"""The keys ``candidates`` and ``training`` of a workflow file.

The attribute docstrings become the descriptions of the JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tasks.workflow.base import WorkflowModel, refuse
from tasks.workflow.fields import Fraction, PositiveFloat, PositiveInt
from tasks.workflow.search import Search

Activation = Literal["relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "linear"]


class _NetworkCandidate(WorkflowModel):
    dense: tuple[PositiveInt, ...] = (128,)
    """Units of the dense layers before the output."""
    activation: Activation = "relu"
    """Activation of the hidden layers."""
    dropout: Fraction = 0.0
    """Share of the units dropped after each dense and each recurrent layer while training."""
    batch_normalization: bool = False
    """Normalise over the batch before every activation of a dense layer or a convolution."""
    epochs: PositiveInt = 10
    """Passes over the training rows."""
    batch_size: PositiveInt = 32
    """Rows per weight update."""
    learning_rate: Annotated[float, Field(gt=0.0)] = 0.001
    """Step size of Adam; the largest one of a schedule."""
    schedule: Literal["constant", "cosine", "one_cycle"] = "constant"
    """How the learning rate goes over the whole training: stays, falls along a cosine to 0, or rises and falls once (one-cycle)."""
    warmup: Fraction | None = None
    """Share of the updates over which the learning rate rises to its full size; by default 0, and 0.3 of `one_cycle`."""
    clip_norm: PositiveFloat | None = None
    """Shorten the gradient of each update to this length where it is longer; by default never."""
    patience: PositiveInt | None = None
    """Stop after so many epochs without a better validation loss and keep the best weights; by default never."""
    class_weights: Literal["balanced"] | dict[str | int, PositiveFloat] | None = None
    """What a row of each class weighs in the loss: `balanced` gives every class the same sum; by default every row weighs the same."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Numbers that the layers compute with; the weights stay float32. `mixed_bfloat16` is faster on recent CPUs and cards."""
    xla: bool | None = None
    """Compile with XLA; by default where it is faster, which convolutions on a CPU are not."""
    steps_per_execution: PositiveInt | None = None
    """Updates between two visits to Python; by default chosen by the number of batches."""
    devices: PositiveInt | Literal["all"] = 1
    """Cards to train on at once, where there are any."""
    warm_start: bool = False
    """Begin with the champion's weights, where there is a champion; it must have the same layers."""
    search: Search | None = None
    """Look for better settings first; by default not."""


class Convolution(WorkflowModel):
    """A convolution with an activation, and a pooling after it."""

    filters: PositiveInt
    """Number of kernels."""
    kernel: PositiveInt = 3
    """Height and width of a kernel, in pixels."""
    padding: Literal["valid", "same"] = "valid"
    """Whether the image is padded so that it keeps its size."""
    pool: Literal["max", "average", "none"] = "max"
    """Which pooling of 2 x 2 follows."""


class Augment(WorkflowModel):
    """Random changes of training images, drawn anew for every image in every epoch."""

    shift: Fraction = 0.0
    """Moved up, down, left and right by up to this share of the size."""
    rotate: Annotated[float, Field(ge=0.0, le=180.0)] = 0.0
    """Turned by up to so many degrees, in both directions."""
    zoom: Fraction = 0.0
    """Enlarged or reduced by up to this share."""


class CnnCandidate(_NetworkCandidate):
    """A convolutional network for images."""

    kind: Literal["cnn"]
    convolutions: Annotated[tuple[Convolution, ...], Field(min_length=1)]
    """The convolution blocks, in order."""
    augment: Augment | None = None
    """Random changes of the training images; by default none."""


class MlpCandidate(_NetworkCandidate):
    """A multi-layer perceptron; images and windows are flattened."""

    kind: Literal["mlp"]


class RecurrentCandidate(_NetworkCandidate):
    """A recurrent network for windows of a series: simple recurrent cells, LSTM or GRU."""

    kind: Literal["rnn", "lstm", "gru"]
    units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64,)
    """Units of the recurrent layers, in order; each reads what the one before it says at every step."""
    bidirectional: bool = False
    """Read the window in both directions."""
    dense: tuple[PositiveInt, ...] = ()
    """Units of the dense layers before the output."""
    from_last_value: bool = True
    """Forecast the change from the window's last value, which suits series that wander."""


Candidate = Annotated[CnnCandidate | MlpCandidate | RecurrentCandidate, Field(discriminator="kind")]


class Training(WorkflowModel):
    """What all candidates share."""

    max_minutes: PositiveFloat | None = None
    """Time for fitting, shared equally by the candidates of a night; one that runs out of it stops after the epoch and keeps its best weights. By default no limit."""
    learning_curve: tuple[Annotated[float, Field(gt=0.0, lt=1.0)], ...] = (0.1, 0.25, 0.5)
    """Shares of the training rows on which the challenger is trained again, to see how much data is enough; an empty list for none."""

    @model_validator(mode="after")
    def _check_order(self) -> Training:
        if list(self.learning_curve) != sorted(set(self.learning_curve)):
            found = ", ".join(f"{share:g}" for share in self.learning_curve)
            raise refuse("learning_curve", f"[{found}]", "rising shares, each once")
        return self
