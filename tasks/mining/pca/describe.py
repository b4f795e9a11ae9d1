"""What was found as one document: ``pca.json``, and the sentence for people who read one line.

Pure module of the mining stage; ``tasks.mining.pca.step`` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.mining.documents import round_figure
from tasks.mining.pca.components import Components
from tasks.mining.pca.earlier import EarlierComponents
from tasks.mining.pca.turn import measure_turn
from tasks.mining.pca.variance import SHARES, count_components, rank_inputs
from tasks.preparation.originals import Original

MAX_TOLD_COMPONENTS = 10  # with their inputs; loadings.csv has more
MAX_TOLD_INPUTS = 5  # of a component, and constant ones: past these a reader looks into the files


@dataclass(frozen=True)
class Fitted:
    """Components with what was looked at.

    Parameters
    ----------
    components : Components
    correlations : ndarray of shape (n_components, n_inputs)
        Of every input with every component, -1 to 1.
    is_constant : ndarray of shape (n_inputs,), bool
    n_rows_fitted : int
    originals : sequence of Original or None
        What the inputs of a table were before cleaning; None for images.
    image_shape : tuple of int or None
        Height, width, channels.
    """

    components: Components
    correlations: npt.NDArray[np.float64]
    is_constant: npt.NDArray[np.bool_]
    n_rows_fitted: int
    originals: Sequence[Original] | None
    image_shape: tuple[int, ...] | None

    @property
    def inputs(self) -> list[str] | None:
        """Names of the inputs of a table, as clean rows call them."""
        return None if self.originals is None else [o.clean for o in self.originals]


def describe(fitted: Fitted, *, n_rows: int, earlier: EarlierComponents | None) -> dict[str, Any]:
    """Make the document.

    Parameters
    ----------
    fitted : Fitted
    n_rows : int
        Training rows.
    earlier : EarlierComponents or None

    Returns
    -------
    dict
        JSON-able; floats have six significant digits.
    """
    found = fitted.components
    ratio = found.explained_variance_ratio
    constant = np.flatnonzero(fitted.is_constant).tolist()
    return {
        "n_rows": n_rows,
        "n_rows_fitted": fitted.n_rows_fitted,
        "n_inputs": len(fitted.is_constant),
        "n_constant_inputs": len(constant),
        "constant_inputs": [say_input(fitted.originals[i]) for i in constant[: 4 * MAX_TOLD_INPUTS]]
        if fitted.originals is not None
        else [],
        "n_components": found.n_components,
        "explained_variance_ratio": [round_figure(r) for r in ratio],
        "explained_variance_fraction": round_figure(_sum(ratio)),
        "n_components_for": [
            {"share": share, "n_components": count_components(ratio, share)} for share in SHARES
        ],
        "components": _describe_components(fitted),
        "since": None if earlier is None else _compare(fitted, earlier),
        "inputs": fitted.inputs,
        "image_shape": None if fitted.image_shape is None else list(fitted.image_shape),
    }


def say_input(original: Original) -> str:
    """Name an input as its user does.

    Examples
    --------
    >>> say_input(Original("town_Rome", "town", category="Rome")), say_input(Original("age", "age"))
    ('town is Rome', 'age')
    """
    if original.category is not None:
        return f"{original.column} is {original.category}"
    return original.column


def say_found(document: Mapping[str, Any]) -> str:
    """Say what was found in one sentence, for the log and the note of the MLflow run.

    Examples
    --------
    >>> say_found({"n_components": 2, "n_inputs": 4, "explained_variance_fraction": 0.95, "since": None})
    '2 components of 4 inputs hold 95.0 % of the variance.'
    """
    n, m = document["n_components"], document["n_inputs"]
    said = (
        f"{n} component{'s' if n > 1 else ''} of {m:,} input{'s' if m > 1 else ''} "
        f"{'hold' if n > 1 else 'holds'} {100 * document['explained_variance_fraction']:.1f} % "
        "of the variance."
    )
    since = document["since"]
    if since is None or since["angle_degrees"] is None:
        return said
    what = "first component has" if since["n_leading"] == 1 else "plane of the first two has"
    return (
        f"{said} Since {since['date']} the {what} turned by {since['angle_degrees']:.1f} degrees."
    )


def _describe_components(fitted: Fitted) -> list[dict[str, Any]]:
    told = []
    for k, ratio in enumerate(fitted.components.explained_variance_ratio[:MAX_TOLD_COMPONENTS]):
        inputs: list[dict[str, Any]] = []
        if fitted.originals is not None:
            for i in rank_inputs(fitted.correlations[k], MAX_TOLD_INPUTS):
                original = fitted.originals[i]
                inputs.append(
                    {
                        "input": original.clean,
                        "column": original.column,
                        "category": original.category,
                        "label": say_input(original),
                        "weight": round_figure(fitted.components.components[k, i]),
                        "correlation": round_figure(fitted.correlations[k, i]),
                    }
                )
        told.append(
            {
                "component": k + 1,
                "explained_variance_ratio": round_figure(ratio),
                "most_telling_inputs": inputs,
            }
        )
    return told


def _compare(fitted: Fitted, earlier: EarlierComponents) -> dict[str, Any]:
    """Compare with an earlier night, where it looked at the same inputs."""
    now = fitted.components
    shape = None if fitted.image_shape is None else list(fitted.image_shape)
    is_comparable = earlier.inputs == fitted.inputs and earlier.image_shape == shape
    turn = (
        measure_turn(
            earlier.components,
            now.components,
            then_ratio=earlier.explained_variance_ratio,
            now_ratio=now.explained_variance_ratio,
        )
        if is_comparable
        else None
    )
    return {
        "date": earlier.date,
        "has_same_inputs": is_comparable,
        "n_rows": earlier.n_rows,
        "n_components": len(earlier.components),
        "explained_variance_ratio": [
            round_figure(r) for r in earlier.explained_variance_ratio[:MAX_TOLD_COMPONENTS]
        ]
        if is_comparable
        else [],
        "n_leading": None if turn is None else turn.n_leading,
        "angle_degrees": None if turn is None else turn.angle_degrees,
        "is_separated": None if turn is None else turn.is_separated,
    }


def _sum(ratio: npt.NDArray[np.floating[Any]]) -> float:
    """Add up float32 ratios, which may miss all of the variance by their last digit."""
    return min(1.0, float(ratio.sum(dtype=np.float64)))
