"""One training as a file that a fresh interpreter can be given, and the folder it leaves.

``step`` writes the request and reads the report; ``python -m tasks.training`` carries it out on a
machine that has Keras, NumPy and pyarrow alone (and scikit-learn, for the baseline).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tasks.dataset import Dataset
from tasks.errors import RequestError, nearest
from tasks.models.predictor import ESTIMATOR_FILE, NETWORK_FILE, PREPARATION_FILE
from tasks.preparation import Preparation
from tasks.training.progress import Epoch, tidy_history

HISTORY_FILE = "history.json"
REPORT_FILE = "result.json"
BASELINE_KINDS = frozenset({"logistic_regression"})


@dataclass(frozen=True)
class TrainingRequest:
    """What to train, on what, and where the result goes.

    Parameters
    ----------
    candidate : str
        The candidate's name.
    spec : mapping
        Its settings, as in the workflow file.
    dataset : str
        Folder of the clean dataset.
    preparation : str
        File of the preparation (JSON).
    output : str
        Folder that will hold the result; it appears when training has ended well.
    seed : int
    """

    candidate: str
    spec: Mapping[str, Any]
    dataset: str
    preparation: str
    output: str
    seed: int

    def write(self, file: Path) -> None:
        """Write as JSON, to be read by :meth:`read`."""
        file.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> TrainingRequest:
        """Read a request.

        Raises
        ------
        RequestError
            When the file is missing, is not JSON, or has other keys than the fields above.
        """
        known = [field.name for field in fields(cls)]
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RequestError(
                f"The training request {file} cannot be read: {error}",
                expected=f"a JSON object with the keys {known}",
                hint="check the path, and write the file again",
            ) from error
        found = sorted(document) if isinstance(document, dict) else []
        for key in sorted(set(found) ^ set(known)):
            raise RequestError(
                f"The training request {file} {'misses' if key in known else 'has'} the key {key!r}.",
                expected=f"the keys {known}" if key in known else nearest(key, known),
                hint="write the request again with exactly these keys",
            )
        return cls(**document)


@dataclass(frozen=True)
class TrainingReport:
    """What a training gave, beside the model itself.

    Parameters
    ----------
    candidate, kind : str
    packages : tuple of str
        Distributions the model needs for predicting, beyond NumPy, pandas and pyarrow.
    n_parameters : int
    n_training_rows, n_validation_rows : int
    n_epochs : int
        Epochs of a network, iterations of the baseline's solver.
    best_epoch : int
        The epoch whose weights were kept; the last iteration of the baseline.
    is_converged : bool
        Whether the baseline's solver converged; true for a network that ran to its end.
    seconds : float
        Time spent fitting.
    epoch_seconds : tuple of float
        One per epoch; empty for the baseline.
    metrics : mapping of str to float
        ``train_loss``, ``train_accuracy``, ``validation_loss``, ``validation_accuracy`` of the kept weights.
    """

    candidate: str
    kind: str
    packages: tuple[str, ...]
    n_parameters: int
    n_training_rows: int
    n_validation_rows: int
    n_epochs: int
    best_epoch: int
    is_converged: bool
    seconds: float
    epoch_seconds: tuple[float, ...]
    metrics: Mapping[str, float]

    @classmethod
    def read(cls, folder: Path) -> TrainingReport:
        """Read the report of a result folder."""
        document = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
        return cls(
            **{
                **document,
                "packages": tuple(document["packages"]),
                "epoch_seconds": tuple(document["epoch_seconds"]),
            }
        )


def carry_out(
    request: TrainingRequest, on_epoch: Callable[[Epoch], None] | None = None
) -> TrainingReport:
    """Train and write the result folder, whole or not at all.

    Parameters
    ----------
    request : TrainingRequest
    on_epoch : callable, optional
        Called after every epoch of a network.

    Returns
    -------
    TrainingReport
        Also written into the folder as ``result.json``, beside ``preparation.json``,
        ``history.json`` and ``network.keras`` or ``estimator.skops``.

    Raises
    ------
    NocturneError
        When the data cannot be read, or the candidate cannot be built or trained.
    """
    output = Path(request.output)
    partial = output.with_name(output.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    text = Path(request.preparation).read_text(encoding="utf-8")
    preparation = Preparation.from_json(text)
    dataset = Dataset.open(Path(request.dataset))
    epochs: tuple[Epoch, ...] = ()
    if request.spec.get("kind") in BASELINE_KINDS:
        report = _fit_baseline(request, dataset, preparation, partial)
    else:
        report, epochs = _train_network(request, dataset, preparation, partial, on_epoch)
    history = {"candidate": request.candidate, "rows": tidy_history(epochs)}
    (partial / PREPARATION_FILE).write_text(text, encoding="utf-8")
    (partial / HISTORY_FILE).write_text(json.dumps(history, indent=1), encoding="utf-8")
    (partial / REPORT_FILE).write_text(json.dumps(asdict(report), indent=1), encoding="utf-8")
    shutil.rmtree(output, ignore_errors=True)
    partial.replace(output)
    return report


def _train_network(
    request: TrainingRequest,
    dataset: Dataset,
    preparation: Preparation,
    folder: Path,
    on_epoch: Callable[[Epoch], None] | None,
) -> tuple[TrainingReport, tuple[Epoch, ...]]:
    import keras

    from tasks.training.trainer import train

    result = train(
        dataset,
        preparation,
        request.spec,
        name=request.candidate,
        seed=request.seed,
        on_epoch=on_epoch,
    )
    # A new model around the same layers has no optimizer, whose state is twice the weights' size.
    keras.Model(result.network.inputs, result.network.outputs, name=result.network.name).save(
        folder / NETWORK_FILE
    )
    best = result.epochs[result.best_epoch - 1]
    metrics = {"train_loss": best.loss, "train_accuracy": best.accuracy}
    if best.validation_loss is not None and best.validation_accuracy is not None:
        metrics["validation_loss"] = best.validation_loss
        metrics["validation_accuracy"] = best.validation_accuracy
    report = TrainingReport(
        candidate=request.candidate,
        kind=str(request.spec["kind"]),
        packages=("keras", keras.backend.backend()),
        n_parameters=result.n_parameters,
        n_training_rows=result.n_training_rows,
        n_validation_rows=result.n_validation_rows,
        n_epochs=result.n_epochs,
        best_epoch=result.best_epoch,
        is_converged=True,
        seconds=result.seconds,
        epoch_seconds=tuple(e.seconds for e in result.epochs),
        metrics=metrics,
    )
    return report, result.epochs


def _fit_baseline(
    request: TrainingRequest,
    dataset: Dataset,
    preparation: Preparation,
    folder: Path,
) -> TrainingReport:
    import skops.io

    from tasks.training.baseline import fit_baseline

    result = fit_baseline(dataset, preparation, request.spec, name=request.candidate)
    skops.io.dump(result.pipeline, folder / ESTIMATOR_FILE)
    return TrainingReport(
        candidate=request.candidate,
        kind=str(request.spec["kind"]),
        packages=("scikit-learn", "skops"),
        n_parameters=result.n_parameters,
        n_training_rows=result.n_training_rows,
        n_validation_rows=result.n_validation_rows,
        n_epochs=result.n_iterations,
        best_epoch=result.n_iterations,
        is_converged=result.is_converged,
        seconds=result.seconds,
        epoch_seconds=(),
        metrics=result.metrics,
    )
