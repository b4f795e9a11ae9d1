"""Principal components: from the training rows to one folder, and how they differ from an earlier night's.

Shell of this kind of mining; called by ``tasks.mining.step``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.dataset import DatasetWriter
from tasks.errors import MiningError
from tasks.mining.documents import write_document
from tasks.mining.found import Earlier, Found
from tasks.mining.pca.components import check_row_count, find_constant_inputs, fit_components
from tasks.mining.pca.describe import Fitted, describe, say_found, say_input
from tasks.mining.pca.earlier import COMPONENTS_FILE, DOCUMENT_FILE, read_earlier
from tasks.mining.pca.variance import correlate_inputs, count_components
from tasks.mining.rows import ID_COLUMN, MiningRows
from tasks.workflow import Pca

# What is in memory at once. The share of a component has a sampling error of sqrt(2 / n_rows): a
# hundredth of it at 20,000 rows.
MAX_FIT_ROWS = 20_000
# The same for wide rows, as float32. As they are read they are float64, and then standardised beside
# themselves: 20,000 rows of 3,355 inputs were 1.6 GiB at the peak (measured).
MAX_FIT_BYTES = 256 * 1024 * 1024
MAX_MAP_ROWS = 5_000  # points on the map: more only cover each other
MAX_LOADINGS = 200_000  # lines of loadings.csv, about 16 MB: whole components, the first ones

LOADINGS_FILE = "loadings.csv"
VARIANCE_FILE = "explained_variance.csv"
MEMBERS_FOLDER = "members"


def mine_components(
    rows: MiningRows, options: Pca, folder: Path, *, seed: int, earlier: Earlier | None
) -> Found:
    """Find the principal components of the standardised training rows.

    Parameters
    ----------
    rows : MiningRows
    options : Pca
        How many, and of which features.
    folder : Path
        Exists; gets ``pca.json``, ``explained_variance.csv``, ``components.npy`` of shape
        (n_components, n_inputs) or, for images, (n_components, height, width, channels), for tables
        ``loadings.csv``, and the dataset ``members``: at most 5,000 rows of ``id``, ``class`` where
        there is one, ``pc1`` and ``pc2`` (0 where there is one component only).
    seed : int
    earlier : Earlier or None

    Returns
    -------
    Found

    Raises
    ------
    MiningError
        When a feature is not there, or there is none; there are fewer than two training rows; a
        value is not finite, or every input is constant.
    """
    columns = rows.list_inputs(options.columns)
    if not columns:
        raise MiningError(
            "There is no input to look for components in.",
            expected="at least one feature that is a number after cleaning",
            hint="name features under 'columns', or take 'pca' out of 'mining' in the workflow file",
        )
    check_row_count(rows.n_rows)
    shape = rows.preparation.image_shape
    n_inputs = len(columns) if shape is None else int(np.prod(shape))
    target = rows.class_column
    told = [ID_COLUMN, *([] if target is None else [target])]
    sample = rows.sample(
        list(dict.fromkeys([*told, *columns])),
        max_rows=max(2, min(MAX_FIT_ROWS, MAX_FIT_BYTES // (4 * n_inputs))),
        seed=seed,
    )
    X = rows.to_inputs(sample, columns)
    sample = sample.select(told)  # the inputs are held once
    components = fit_components(X, n_components=options.components, seed=seed)
    is_constant = find_constant_inputs(X)
    fitted = Fitted(
        components,
        correlate_inputs(components, is_constant),
        is_constant,
        len(X),
        [rows.originals.find(name) for name in columns] if shape is None else None,
        shape,
    )
    document = describe(fitted, n_rows=rows.n_rows, earlier=read_earlier(earlier))
    document["asked"] = options.model_dump(mode="json")

    _write_members(folder / MEMBERS_FOLDER, sample, target, components.scores)
    np.save(
        folder / COMPONENTS_FILE,
        components.components.reshape(-1, *(shape or (n_inputs,))),
        allow_pickle=False,
    )
    _write_variance(folder / VARIANCE_FILE, components.explained_variance_ratio)
    if fitted.originals is not None:
        _write_loadings(folder / LOADINGS_FILE, fitted)
    write_document(document, folder / DOCUMENT_FILE)
    ratio = components.explained_variance_ratio
    figures = {
        "n_inputs": n_inputs,
        "n_components": components.n_components,
        "n_components_for_90_percent": count_components(ratio, 0.9),
        "explained_variance_fraction": document["explained_variance_fraction"],
        "explained_variance_fraction_first": document["explained_variance_ratio"][0],
        "angle_degrees": None if document["since"] is None else document["since"]["angle_degrees"],
    }
    return Found(
        say_found(document),
        {"n_rows_fitted": len(X)},
        {name: float(value) for name, value in figures.items() if value is not None},
    )


def _write_members(
    folder: Path, sample: pa.Table, target: str | None, scores: npt.NDArray[np.floating]
) -> None:
    """Write the points of the map: the sample, thinned evenly where it is larger."""
    n_rows = len(sample)
    kept = np.unique(np.linspace(0, n_rows - 1, min(n_rows, MAX_MAP_ROWS)).astype(np.int64))
    first = scores[kept, 0]
    second = scores[kept, 1] if scores.shape[1] > 1 else np.zeros_like(first)
    rows = pa.table(
        {
            "id": sample[ID_COLUMN].take(kept),
            **({} if target is None else {"class": sample[target].take(kept)}),
            "pc1": pa.array(first, pa.float32()),
            "pc2": pa.array(second, pa.float32()),
        }
    )
    with DatasetWriter(folder, rows.schema) as writer:
        writer.write(rows)


def _write_variance(path: Path, ratio: npt.NDArray[np.floating]) -> None:
    table = pd.DataFrame(
        {
            "component": np.arange(1, len(ratio) + 1),
            "ratio": ratio.astype(np.float64),
            "cumulative": np.minimum(np.cumsum(ratio, dtype=np.float64), 1.0),
        }
    )
    _write_csv(path, table)


def _write_loadings(path: Path, fitted: Fitted) -> None:
    """Write every input's part in the first components, one line each."""
    originals = fitted.originals or ()
    n_inputs = len(originals)
    n_written = min(fitted.components.n_components, max(1, MAX_LOADINGS // n_inputs))
    table = pd.DataFrame(
        {
            "component": np.repeat(np.arange(1, n_written + 1), n_inputs),
            "input": [o.clean for o in originals] * n_written,
            "column": [o.column for o in originals] * n_written,
            "category": [o.category for o in originals] * n_written,
            "label": [say_input(o) for o in originals] * n_written,
            "weight": fitted.components.components[:n_written].astype(np.float64).ravel(),
            "correlation": fitted.correlations[:n_written].ravel(),
        }
    )
    _write_csv(path, table)


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
