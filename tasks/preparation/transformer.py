"""What every transformer of the cleaning has in common: fit on training rows, transform any rows, write as JSON.

Ground module with NumPy and pyarrow alone: it travels inside the registered model. The manners are
scikit-learn's: hyper-parameters in ``__init__`` and untouched, what was learned ends in ``_``.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from tasks.errors import CleaningError, nearest
from tasks.preparation.frame import Frame, Kind, find_kind


@dataclass(frozen=True)
class Problem:
    """What is wrong with one column in some rows, so that these rows cannot be used.

    Parameters
    ----------
    column : str
    kind : str
        What is counted in the report, without the values: ``not a number``.
    rows : ndarray of shape (n_problems,), int64
        Places in the frame.
    values : sequence of n_problems values, or None
        What stood there; None where nothing did.
    """

    column: str
    kind: str
    rows: npt.NDArray[np.int64]
    values: Sequence[Any] | None = None


@dataclass(frozen=True)
class Transformed:
    """What a transformer made of a frame.

    Parameters
    ----------
    frame : Frame
        With as many rows as came in (but for transformers in time order); rows with problems are
        still in it.
    problems : tuple of Problem
        Rows that cannot be used: quarantined in training, refused when predicting.
    changes : mapping of (column, what) to int
        How many values were changed and how, for the cleaning report:
        ``("age", "filled with the median")``.
    """

    frame: Frame
    problems: tuple[Problem, ...] = ()
    changes: Mapping[tuple[str, str], int] = field(default_factory=dict)


class Transformer(ABC):
    """One step of the cleaning.

    A subclass stores its parameters under their own names in ``__init__``, lists what ``fit`` learns
    in :attr:`LEARNED` (JSON-able values: numbers, text, lists, mappings with text keys), and leaves
    columns that are not in the frame alone: a model that predicts has no target.
    """

    KEY: ClassVar[str]
    """Its key in the workflow file, and its name in JSON."""
    LEARNED: ClassVar[tuple[str, ...]] = ()
    """Names of the attributes that ``fit`` sets and the model needs; they end in ``_``."""
    IN_TIME_ORDER: ClassVar[bool] = False
    """Whether it needs all rows at once, in order of time."""

    @property
    def is_learned(self) -> bool:
        """Whether it learns anything: a plain transformer does not."""
        return bool(self.LEARNED)

    @property
    def needs_all_rows(self) -> bool:
        """Whether it must see all rows at once, in order of time."""
        return self.IN_TIME_ORDER

    def fit(
        self,
        frame: Frame,
        target: npt.NDArray[np.float64] | None = None,  # noqa: ARG002 - most learn from the rows alone
        folds: npt.NDArray[np.int64] | None = None,  # noqa: ARG002
    ) -> Self:
        """Learn from training rows.

        Parameters
        ----------
        frame : Frame with n_rows rows
            Training rows, as the steps before leave them.
        target : ndarray of shape (n_rows,), float64, optional
            The class's code (0 to n_classes - 1).
        folds : ndarray of shape (n_rows,), int64, optional
            A number from 0 on that follows from the row's id, for cross-fitting: ``folds % n_folds``.

        Returns
        -------
        self

        Raises
        ------
        CleaningError
            When nothing can be learned, such as a mean without a value; names the column.
        """
        self._fit(frame)
        return self

    def transform(
        self,
        frame: Frame,
        folds: npt.NDArray[np.int64] | None = None,  # noqa: ARG002 - most treat all rows alike
    ) -> Transformed:
        """Transform rows; every row's result follows from that row alone, whatever its neighbours.

        Parameters
        ----------
        frame : Frame with n_rows rows
        folds : ndarray of shape (n_rows,), int64, optional
            As in :meth:`fit`, and -1 for rows that are not for training. Not given when predicting.

        Returns
        -------
        Transformed
        """
        return self._transform(frame)

    def _fit(self, frame: Frame) -> None:  # noqa: B027 - a plain transformer learns nothing
        """Learn from the rows alone."""

    @abstractmethod
    def _transform(self, frame: Frame) -> Transformed:
        """Transform rows, whatever they are for."""

    def get_params(self) -> dict[str, Any]:
        """Parameters of ``__init__`` and their values."""
        names = inspect.signature(type(self).__init__).parameters
        return {name: getattr(self, name) for name in names if name != "self"}

    def to_json(self) -> dict[str, Any]:
        """Write as a JSON-able mapping, to be read by :func:`transformer_from_json`."""
        return {
            "key": self.KEY,
            "params": self.get_params(),
            "learned": {name: getattr(self, name) for name in self.LEARNED},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote."""
        made = cls(**document["params"])
        for name in cls.LEARNED:
            setattr(made, name, document["learned"][name])
        return made

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({inner})"


def list_columns(
    frame: Frame, columns: Sequence[str] | None, kinds: Iterable[Kind], step: str
) -> list[str]:
    """List the columns a transformer works on.

    Parameters
    ----------
    frame : Frame
    columns : sequence of str or None
        Named by the user; None for every column of the kinds.
    kinds : iterable of Kind
        Which kinds it can work on.
    step : str
        The step's key, for the error.

    Returns
    -------
    list of str
        Those that are in the frame.

    Raises
    ------
    CleaningError
        When a named column has another kind.
    """
    wanted = set(kinds)
    if columns is None:
        return [name for name, column in frame.items() if find_kind(column) in wanted]
    present = [name for name in columns if name in frame]
    for name in present:
        found = find_kind(frame[name])
        if found not in wanted:
            raise CleaningError(
                f"The cleaning step {step!r} names the column {name!r}, which holds {found}s.",
                expected=f"a column of {' or '.join(sorted(f'{kind}s' for kind in wanted))}",
                hint="convert or encode it in a step before, or take it out of the step's 'columns'",
            )
    return present


def check_fit_columns(frame: Frame, columns: Sequence[str] | None, step: str) -> None:
    """Check, when fitting, that the named columns are there.

    Raises
    ------
    CleaningError
        Naming the nearest.
    """
    for name in columns or ():
        if name not in frame:
            raise CleaningError(
                f"The cleaning step {step!r} names the column {name!r}, which is not there.",
                expected=nearest(name, list(frame)),
                hint="correct the step's 'columns' in the workflow file",
            )


def count_change(changes: Counter[tuple[str, str]], column: str, what: str, n: int) -> None:
    """Count values that were changed, unless there are none."""
    if n:
        changes[column, what] += int(n)
