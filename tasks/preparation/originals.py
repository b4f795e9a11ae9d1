"""From clean columns back to what a person knows: numbers in their own units, categories by their names.

Ground module. Mining looks at the rows that models read, which are scaled and encoded; what it says
about them is said in the units and words in which the rows arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.preparation.frame import Frame
from tasks.preparation.transformer import Transformer
from tasks.preparation.transformers.encode import OTHER, OneHotEncode, OrdinalEncode
from tasks.preparation.transformers.scale import Scale

Floats = npt.NDArray[np.float64]
OTHER_NAME = "other"  # how a category that was too rare for a column of its own is called


@dataclass(frozen=True)
class _Scaling:
    """``clean = (original - center) / scale * factor + offset``."""

    center: float
    scale: float
    factor: float = 1.0
    offset: float = 0.0

    def undo(self, values: Floats) -> Floats:
        return (values - self.offset) / self.factor * self.scale + self.center


@dataclass(frozen=True)
class Original:
    """What a clean column was before it was scaled and encoded.

    Parameters
    ----------
    clean : str
        The clean column's name.
    column : str
        The name of the column that it was made of; the same unless it was encoded one-hot.
    category : str or None
        Of a one-hot column: the category whose rows have 1.
    categories : tuple of str
        Of an ordinal column: the categories by their codes 0, 1, 2, ...; -1 is another one.
    """

    clean: str
    column: str
    category: str | None = None
    categories: tuple[str, ...] = ()
    scalings: tuple[_Scaling, ...] = field(default=(), repr=False)

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers in a unit, and not codes of categories."""
        return self.category is None and not self.categories

    def restore(self, values: npt.ArrayLike) -> Floats:
        """Undo the scaling.

        Parameters
        ----------
        values : array_like of shape (n_rows,)
            Clean values.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            In the unit of the column as it arrived; of a one-hot column 0 or 1, of an ordinal one
            the code.
        """
        restored = np.asarray(values, dtype=np.float64)
        for scaling in reversed(self.scalings):
            restored = scaling.undo(restored)
        return restored

    def say_split(self, threshold: float) -> tuple[str, str]:
        """Word the two answers to ``clean <= threshold``: where it holds, and where not.

        Examples
        --------
        >>> Original("x", "x").say_split(2.5)
        ('x <= 2.5', 'x > 2.5')
        >>> Original("town_Rome", "town", category="Rome").say_split(0.5)
        ('town is not Rome', 'town is Rome')
        >>> Original("size", "size", categories=("S", "M", "L")).say_split(0.5)
        ('size is S or other', 'size is M or L')
        """
        at = float(self.restore([threshold])[0])
        if self.category is not None:
            return f"{self.column} is not {self.category}", f"{self.column} is {self.category}"
        if self.categories:
            low = [name for code, name in enumerate(self.categories) if code <= at]
            high = [name for code, name in enumerate(self.categories) if code > at]
            (low if at >= -1 else high).append(OTHER_NAME)
            return f"{self.column} is {_join(low)}", f"{self.column} is {_join(high)}"
        # Six digits: a salary's threshold is no power of ten, and float32 has no more.
        return f"{self.column} <= {at:.6g}", f"{self.column} > {at:.6g}"


class Originals:
    """Finds, for every clean column, what it was.

    Parameters
    ----------
    transformers : sequence of Transformer
        Fitted, in order, as :class:`~tasks.preparation.preparation.Preparation` holds them.

    Examples
    --------
    >>> scale = Scale(["x"]).fit({"x": np.array([10.0, 20.0, 30.0])})
    >>> Originals([scale]).find("x").restore([0.0]).tolist()
    [20.0]
    """

    def __init__(self, transformers: Sequence[Transformer]) -> None:
        self._scalings: dict[str, list[_Scaling]] = {}
        self._one_hot: dict[str, tuple[str, str]] = {}
        self._ordinal: dict[str, tuple[str, ...]] = {}
        for transformer in transformers:
            if isinstance(transformer, Scale):
                self._note_scaling(transformer)
            elif isinstance(transformer, OneHotEncode):
                self._note_categories(transformer)
            elif isinstance(transformer, OrdinalEncode):
                for name, categories in transformer.categories_.items():
                    self._ordinal[name] = tuple(categories)

    def find(self, clean: str) -> Original:
        """Find what a clean column was; one that was only filled in or added is what it is."""
        column, category = self._one_hot.get(clean, (clean, None))
        return Original(
            clean=clean,
            column=column,
            category=category,
            categories=self._ordinal.get(clean, ()) if category is None else (),
            scalings=tuple(self._scalings.get(clean, ())),
        )

    def restore(self, columns: Mapping[str, npt.ArrayLike]) -> Frame:
        """Restore clean columns.

        Parameters
        ----------
        columns : mapping of str to array_like of shape (n_rows,)
            Clean columns of numbers by name.

        Returns
        -------
        Frame with n_rows rows
            Numbers in their own units. One-hot columns become one column of text again, under the
            name they were made of, as ordinal ones do; a row without any of a column's categories
            has ``other``.
        """
        restored: Frame = {}
        one_hot: dict[str, list[tuple[str, Floats]]] = {}
        for name, values in columns.items():
            original = self.find(name)
            numbers = original.restore(values)
            if original.category is not None:
                one_hot.setdefault(original.column, []).append((original.category, numbers))
                restored.setdefault(original.column, pa.nulls(0, pa.string()))  # keeps its place
            elif original.categories:
                codes = np.rint(np.nan_to_num(numbers, nan=-1.0).clip(-1, len(original.categories)))
                restored[name] = _name_codes(codes.astype(np.int64), original.categories)
            else:
                restored[name] = numbers
        for column, pairs in one_hot.items():
            flags = np.stack([numbers for _, numbers in pairs], axis=1) > 0.5
            codes = np.where(flags.any(axis=1), flags.argmax(axis=1), -1)
            restored[column] = _name_codes(codes, [category for category, _ in pairs])
        return restored

    def _note_scaling(self, scale: Scale) -> None:
        low, high = scale.range
        for name, center in scale.centers_.items():
            extra = (float(high - low), float(low)) if scale.to == "range" else (1.0, 0.0)
            scaling = _Scaling(float(center), float(scale.scales_[name]), *extra)
            self._scalings.setdefault(name, []).append(scaling)

    def _note_categories(self, encode: OneHotEncode) -> None:
        for column, categories in encode.categories_.items():
            for category in categories:
                self._one_hot[f"{column}_{category}"] = (column, category)
            if column in encode.others_:
                self._one_hot[column + OTHER] = (column, OTHER_NAME)


def _name_codes(codes: npt.NDArray[np.int64], names: Sequence[str]) -> pa.StringArray:
    places = np.where((codes >= 0) & (codes < len(names)), codes, len(names))
    return pa.array([*names, OTHER_NAME], pa.string()).take(pa.array(places))


def _join(names: Iterable[str]) -> str:
    return " or ".join(names)
