"""Fit the preparation: what a model has to know about the columns, from training rows only.

Pure; the result travels with the model, so that it reads raw rows as training did.
"""

from __future__ import annotations

from collections.abc import Iterable

from tasks.preparation import Preparation
from tasks.workflow import Columns


def fit_preparation(columns: Columns, training_classes: Iterable[int | str]) -> Preparation:
    """Make the preparation.

    Parameters
    ----------
    columns : Columns
    training_classes : iterable of int or of str
        Classes of the training rows, and of no others, in any order.

    Returns
    -------
    Preparation
        With the classes sorted: numbers by size, text by code point, the same on every machine.

    Examples
    --------
    >>> columns = Columns(target="kind", features=("weight",))
    >>> fit_preparation(columns, ["dog", "cat", "dog"]).classes
    ('cat', 'dog')
    """
    image = columns.image
    return Preparation(
        target=columns.target,
        classes=tuple(sorted(set(training_classes))),  # type: ignore[arg-type]
        image_column=image.column if image else None,
        image_shape=image.tensor if image else None,
        features=columns.features or (),
    )
