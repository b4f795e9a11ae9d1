"""The trials of a search: short trainings with other settings of one candidate.

Called by ``tasks.training.request`` where a candidate has ``search``; who tries what is in ``search``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tasks.dataset import Dataset
from tasks.preparation import Preparation
from tasks.training.progress import Epoch
from tasks.training.search import SearchResult, search_settings
from tasks.training.trainer import TrainingOptions, train

if TYPE_CHECKING:
    from tasks.training.request import TrainingRequest

logger = logging.getLogger(__name__)

EPOCHS_OF_A_TRIAL = 1 / 3  # of the candidate's, unless the search says otherwise
SHARE_OF_THE_TIME = 0.5  # that the search may take of the candidate's; the rest is for the winner


def search_settings_of(
    request: TrainingRequest,
    dataset: Dataset,
    preparation: Preparation,
    options: TrainingOptions,
) -> SearchResult:
    """Search the settings of a candidate.

    Parameters
    ----------
    request : TrainingRequest
        Its ``spec`` has a ``search``.
    dataset : Dataset
    preparation : Preparation
    options : TrainingOptions
        Of the training that will follow; its checkpoints lie beside the search's notes.

    Returns
    -------
    SearchResult
        The trial with the lowest validation loss is the best.

    Raises
    ------
    TrainingError
        When no trial could be trained to its end.
    """
    search = request.spec["search"]
    n_epochs = search["epochs"] or max(1, round(request.spec["epochs"] * EPOCHS_OF_A_TRIAL))

    def train_trial(spec: Mapping[str, Any], on_epoch: Callable[[Epoch], None]) -> float:
        result = train(
            dataset,
            preparation,
            {**spec, "epochs": n_epochs, "search": None},
            name=request.candidate,
            seed=request.seed,
            on_epoch=on_epoch,
            options=replace(options, checkpoints=None, max_seconds=None),
        )
        losses = [e.validation["loss"] for e in result.epochs if e.validation is not None]
        return min(losses)

    return search_settings(
        request.spec,
        train_trial,
        name=request.candidate,
        seed=request.seed,
        storage=options.checkpoints,
        n_epochs=n_epochs,
        max_seconds=None
        if options.max_seconds is None
        else options.max_seconds * SHARE_OF_THE_TIME,
    )
