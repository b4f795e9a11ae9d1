"""Categories as numbers: a column of 0 and 1 for each, or their place in an order.

Transformers of ``tasks.preparation``; the encoding by the target is in ``target_encode.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tasks.errors import CleaningError, nearest
from tasks.preparation.frame import Column, Frame
from tasks.preparation.new_columns import check_new_names
from tasks.preparation.transformers.categories import OTHER_CODE, Encode
from tasks.preparation.transformers.target_encode import TargetEncode

__all__ = ["OneHotEncode", "OrdinalEncode", "TargetEncode"]

OTHER = "_other"
MAX_TEXT_CHARACTERS = 100  # of a category that an error names


class OneHotEncode(Encode):
    """Make a column of 0 and 1 for each category, in the place of the column.

    Parameters
    ----------
    columns : sequence of str
        Columns of text.
    min_rows : int
        Categories with fewer training rows count as ``other``.
    max_categories : int
        More columns than this for one column are refused.

    Attributes
    ----------
    categories_ : mapping of str to list of str
        By column, sorted; each becomes ``<column>_<category>``.
    others_ : list of str
        Columns with rare categories among the training rows; they get ``<column>_other``.

    Notes
    -----
    A category that training rows did not have counts as ``other`` where there is that column, and
    is 0 in all columns where not (scikit-learn's ``handle_unknown="infrequent_if_exist"``). A
    missing text is missing in all columns.

    Examples
    --------
    >>> import pyarrow as pa
    >>> encode = OneHotEncode(["city"]).fit({"city": pa.array(["Rome", "Oslo"])})
    >>> frame = encode.transform({"city": pa.array(["Oslo", "Bonn", None])}).frame
    >>> {name: column.tolist() for name, column in frame.items()}
    {'city_Oslo': [1.0, 0.0, nan], 'city_Rome': [0.0, 0.0, nan]}
    """

    KEY = "one_hot"
    LEARNED = ("categories_", "others_")

    others_: Sequence[str]

    def __init__(
        self, columns: Sequence[str], min_rows: int = 1, max_categories: int = 100
    ) -> None:
        self.columns = columns
        self.min_rows = min_rows
        self.max_categories = max_categories

    def _fit(self, frame: Frame) -> None:
        """Learn the categories; see :class:`Transformer`.

        Raises
        ------
        CleaningError
            When a column is not there, holds no text or no value, has too many categories, or a
            new column would have the name of another.
        """
        counted = self.learn_categories(frame)
        self.others_ = [
            name for name, kept in self.categories_.items() if len(kept) < len(counted[name])
        ]
        taken = [name for name in frame if name not in self.categories_]
        for name in self.categories_:
            new = self._list_names(name)
            if len(new) > self.max_categories:
                raise CleaningError(
                    f"The column {name!r} has {len(new)} categories among the training rows.",
                    expected=f"at most {self.max_categories}, which is 'max_categories'",
                    hint="encode it by 'ordinal' or 'target', or merge rare ones with 'min_rows'",
                )
            check_new_names(taken, new, self.KEY)
            taken += new

    def _list_names(self, name: str) -> list[str]:
        names = [f"{name}_{category}" for category in self.categories_[name]]
        return [*names, name + OTHER] if name in self.others_ else names

    def encode(
        self,
        name: str,
        codes: npt.NDArray[np.int64],
        is_missing: npt.NDArray[np.bool_],
    ) -> dict[str, Column]:
        """Encode; see the base class."""
        places = list(range(len(self.categories_[name])))
        if name in self.others_:
            places.append(OTHER_CODE)
        new: dict[str, Column] = {}
        for column, place in zip(self._list_names(name), places, strict=True):
            values = (codes == place).astype(np.float64)
            values[is_missing] = np.nan
            new[column] = values
        return new


class OrdinalEncode(Encode):
    """Make each category its place in an order: 0, 1, 2, ...; the column keeps its name.

    Parameters
    ----------
    columns : sequence of str
        Columns of text.
    order : sequence of str, optional
        The categories from low to high, whatever training rows have of them; by default those of
        the training rows in the order of their text.
    min_rows : int
        Without ``order``: categories with fewer training rows count as ``other``.

    Attributes
    ----------
    categories_ : mapping of str to list of str
        By column; a category's place is its code.

    Notes
    -----
    Other categories, rare and unknown ones, become -1 (scikit-learn's ``unknown_value=-1``). A
    missing text stays missing.

    Examples
    --------
    >>> import pyarrow as pa
    >>> encode = OrdinalEncode(["size"], order=["S", "M", "L"]).fit({"size": pa.array(["M", "S"])})
    >>> encode.transform({"size": pa.array(["L", "S", "XL", None])}).frame["size"].tolist()
    [2.0, 0.0, -1.0, nan]
    """

    KEY = "ordinal"
    LEARNED = ("categories_",)

    def __init__(
        self, columns: Sequence[str], order: Sequence[str] | None = None, min_rows: int = 1
    ) -> None:
        self.columns = columns
        self.order = order
        self.min_rows = min_rows

    def _fit(self, frame: Frame) -> None:
        """Learn the categories; see :class:`Transformer`.

        Raises
        ------
        CleaningError
            When a column is not there, holds no text or no value, or none of the training rows'
            categories is in ``order``.
        """
        counted = self.learn_categories(frame)
        if self.order is None:
            return
        for name, counts in counted.items():
            if not set(counts) & set(self.order):
                examples = [text[:MAX_TEXT_CHARACTERS] for text in list(counts)[:5]]
                raise CleaningError(
                    f"No training row's category of the column {name!r} is in 'order': "
                    f"they are {examples}, for example.",
                    expected=f"for {examples[0]!r}: {nearest(examples[0], self.order)}",
                    hint="write the categories in 'order' as they stand in the data",
                )
        self.categories_ = {name: list(self.order) for name in counted}

    def encode(
        self,
        name: str,
        codes: npt.NDArray[np.int64],
        is_missing: npt.NDArray[np.bool_],
    ) -> dict[str, Column]:
        """Encode; see the base class."""
        return {name: np.where(is_missing, np.nan, codes.astype(np.float64))}
