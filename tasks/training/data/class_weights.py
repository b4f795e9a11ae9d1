"""What a row of each class weighs in the loss.

Computed by ``trainer`` from the candidate's ``class_weights``; ``batches`` hands them to Keras as the
weights of samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tasks.errors import TrainingError, nearest


def compute_class_weights(
    setting: Literal["balanced"] | Mapping[Any, float] | None,
    codes: npt.NDArray[np.int64],
    classes: Sequence[int | str],
) -> npt.NDArray[np.float32] | None:
    """Compute the weight of each class.

    Parameters
    ----------
    setting : {"balanced"}, mapping or None
        A mapping names every class, as it is or as text (JSON has no other keys).
    codes : ndarray of shape (n_rows,), int64
        Of the training rows.
    classes : sequence of int or str
        A code is a place in it.

    Returns
    -------
    ndarray of shape (n_classes,), float32, or None
        None where every row weighs the same.

    Raises
    ------
    TrainingError
        When the mapping names an unknown class or misses one, or balanced weights are asked for and
        a class has no row.

    Notes
    -----
    Balanced weights are ``n_rows / (n_classes * n_rows_of_class)``: every class has the same sum of
    weights, and the mean over the rows is 1 [1]_.

    References
    ----------
    .. [1] King, Zeng, "Logistic regression in rare events data", Political Analysis 9 (2001).
       https://doi.org/10.1093/oxfordjournals.pan.a004868

    Examples
    --------
    >>> compute_class_weights("balanced", np.array([0, 0, 1, 1, 1, 1, 1, 1]), ["no", "yes"]).tolist()
    [2.0, 0.6666666865348816]
    """
    if setting is None:
        return None
    if isinstance(setting, str):
        return _balance(codes, classes)
    by_name = {str(name): weight for name, weight in setting.items()}
    names = [str(c) for c in classes]
    for name in by_name:
        if name not in names:
            raise TrainingError(
                f"'class_weights' names the class {name!r}.",
                expected=nearest(name, names),
                hint="correct 'class_weights' of the candidate",
            )
    for name in names:
        if name not in by_name:
            raise TrainingError(
                f"'class_weights' misses the class {name!r}.",
                expected=f"a weight for each of {names}",
                hint="add the class, with the weight 1.0 where it is to weigh as it does without",
            )
    return np.array([by_name[name] for name in names], dtype=np.float32)


def _balance(codes: npt.NDArray[np.int64], classes: Sequence[int | str]) -> npt.NDArray[np.float32]:
    n_by_class = np.bincount(codes, minlength=len(classes))
    if not n_by_class.all():
        missing = classes[int(np.flatnonzero(n_by_class == 0)[0])]
        raise TrainingError(
            f"The class {missing!r} has no training row, so it cannot be balanced.",
            expected="rows of every class",
            hint="name the weights one by one in 'class_weights', or leave it out",
        )
    return np.asarray(len(codes) / (len(classes) * n_by_class), dtype=np.float32)
