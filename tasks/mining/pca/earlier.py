"""The components of an earlier night, read with care: another version may have written them.

Used by ``tasks.mining.pca.step``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.mining.found import Earlier

logger = logging.getLogger(__name__)

DOCUMENT_FILE = "pca.json"
COMPONENTS_FILE = "components.npy"
_LENGTH_TOLERANCE = 1e-3  # of a direction of unit length, as float32


@dataclass(frozen=True)
class EarlierComponents:
    """What is compared with tonight's.

    Parameters
    ----------
    date : str
        ISO 8601.
    n_rows : int
        That night's training rows.
    components : ndarray of shape (n_components, n_inputs)
        Directions of unit length.
    explained_variance_ratio : ndarray of shape (n_components,)
    inputs : sequence of str or None
        Of a table.
    image_shape : sequence of int or None
        Of images.
    """

    date: str
    n_rows: int
    components: npt.NDArray[np.float64]
    explained_variance_ratio: npt.NDArray[np.float64]
    inputs: Sequence[str] | None
    image_shape: Sequence[int] | None


def read_earlier(earlier: Earlier | None) -> EarlierComponents | None:
    """Read the components of an earlier night.

    Parameters
    ----------
    earlier : Earlier or None

    Returns
    -------
    EarlierComponents or None
        None where there is none, or it cannot be read: tonight is then not compared.
    """
    if earlier is None:
        return None
    try:
        text = (earlier.folder / DOCUMENT_FILE).read_text(encoding="utf-8")
        directions = np.load(earlier.folder / COMPONENTS_FILE, allow_pickle=False)
        return _parse(earlier.date, json.loads(text), directions)
    # Whatever another version wrote: a missing key, another type, half a file.
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning(
            "Tonight's components are not compared with those of %s, which cannot be read: %s",
            earlier.date,
            error,
        )
        return None


def _parse(date: str, document: Any, directions: npt.NDArray[Any]) -> EarlierComponents:
    rows = directions.reshape(len(directions), -1).astype(np.float64)
    ratio = np.asarray(document["explained_variance_ratio"], dtype=np.float64)
    if not len(rows) or ratio.shape != (len(rows),) or not np.isfinite(ratio).all():
        raise ValueError(f"{len(rows)} components with shares of the variance {ratio}")
    # A NaN is not close to 1 either.
    if not np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=_LENGTH_TOLERANCE):
        raise ValueError("components that are not of unit length")
    return EarlierComponents(
        date,
        int(document["n_rows"]),
        rows,
        ratio,
        document["inputs"],
        document["image_shape"],
    )
