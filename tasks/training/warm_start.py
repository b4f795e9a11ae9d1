"""Begin a training with the weights of an earlier network, such as the champion's.

Called by ``tasks.training.trainer`` where a candidate asks for it.
"""

from __future__ import annotations

import logging
from pathlib import Path

import keras

from tasks.errors import ModelError, TrainingError
from tasks.models.predictor import load_network

logger = logging.getLogger(__name__)


def start_from(network: keras.Model, file: Path, *, name: str) -> None:
    """Give a network the weights of another one with the same layers.

    Parameters
    ----------
    network : keras.Model
        Newly built; its normalisation keeps what tonight's training rows say.
    file : Path
        A ``network.keras``; the units behind its output are left out.
    name : str
        The candidate's, for messages.

    Raises
    ------
    TrainingError
        When a layer is missing or has weights of another shape; nothing is changed then.
    """
    try:
        earlier = load_network(file)
    except ModelError as error:
        raise TrainingError(
            f"The network that the candidate {name!r} should begin with cannot be loaded: {error.what}",
            expected="the champion's network.keras",
            hint="set 'warm_start: false' for one night",
        ) from error
    ours, theirs = _list_layers(network), _list_layers(earlier)
    shapes = [[tuple(w.shape) for w in layer.weights] for layer in ours]
    found = [[tuple(w.shape) for w in layer.weights] for layer in theirs]
    if shapes != found:
        raise TrainingError(
            f"The candidate {name!r} cannot begin with the champion's weights: the champion has "
            f"layers with weights of the shapes {found}.",
            expected=f"layers of the shapes {shapes}",
            hint="set 'warm_start: false' for one night, or give the candidate the champion's layers",
        )
    for layer, before in zip(ours, theirs, strict=True):
        layer.set_weights(before.get_weights())
    logger.info("%s: beginning with the weights of %s.", name, file)


def _list_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """Layers that learn; those of the normalisation and the units are measured, not learned."""
    return [
        layer
        for layer in network._flatten_layers(include_self=False)  # noqa: SLF001 - no public way
        if layer.weights
        and not isinstance(layer, keras.Model | keras.layers.Normalization)
        and not list(layer._flatten_layers(include_self=False))  # noqa: SLF001
    ]
