"""The keys ``candidates``, ``baseline`` and ``promotion`` of a workflow file.

The attribute docstrings become the descriptions of the JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.workflow.base import WorkflowModel
from tasks.workflow.fields import Fraction, PositiveInt

Activation = Literal["relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "linear"]


class _NetworkCandidate(WorkflowModel):
    dense: tuple[PositiveInt, ...] = (128,)
    """Units of the dense layers before the output."""
    activation: Activation = "relu"
    """Activation of the hidden layers."""
    dropout: Fraction = 0.0
    """Share of the units dropped after each dense layer while training."""
    epochs: PositiveInt = 10
    """Passes over the training rows."""
    batch_size: PositiveInt = 32
    """Rows per weight update."""
    learning_rate: Annotated[float, Field(gt=0.0)] = 0.001
    """Step size of Adam."""
    patience: PositiveInt | None = None
    """Stop after so many epochs without a better validation loss and keep the best weights; by default never."""


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


class CnnCandidate(_NetworkCandidate):
    """A convolutional network for images."""

    kind: Literal["cnn"]
    convolutions: Annotated[tuple[Convolution, ...], Field(min_length=1)]
    """The convolution blocks, in order."""


class MlpCandidate(_NetworkCandidate):
    """A multi-layer perceptron; images are flattened."""

    kind: Literal["mlp"]


Candidate = Annotated[CnnCandidate | MlpCandidate, Field(discriminator="kind")]


class Baseline(WorkflowModel):
    """The classical model that the networks are compared with."""

    kind: Literal["logistic_regression"] = "logistic_regression"
    max_iter: PositiveInt = 1000
    """Iterations of the solver."""


class Promotion(WorkflowModel):
    """When tonight's challenger becomes champion."""

    metric: Literal["accuracy", "macro_f1"] = "accuracy"
    """What is compared, on the same hold-out rows; larger is better."""
    floor: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """A challenger below this is never promoted."""
    min_gain: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """The challenger must beat the champion by more than this; a tie never promotes."""
