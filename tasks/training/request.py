"""One training as a file that a fresh interpreter can be given, and the folder it leaves.

``step`` writes the request and reads the report; ``python -m tasks.training`` carries it out on a
machine that has Keras, NumPy and pyarrow alone (and scikit-learn, for the baseline).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tasks.dataset import Dataset
from tasks.errors import RequestError, nearest
from tasks.models.predictor import NETWORK_FILE, PREPARATION_FILE
from tasks.preparation import Preparation
from tasks.training.progress import MEASURE_OF, Epoch, tidy_history

HISTORY_FILE = "history.json"
REPORT_FILE = "result.json"
TRIALS_FILE = "trials.json"
NETWORK_KINDS = frozenset({"mlp", "cnn", "rnn", "lstm", "gru"})  # all others are baselines


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
    share : float
        Of the training rows that are used.
    max_seconds : float or None
        Time for fitting.
    checkpoints : str or None
        Folder that outlives a killed try.
    warm_start : str or None
        A ``network.keras`` whose weights are begun with.
    """

    candidate: str
    spec: Mapping[str, Any]
    dataset: str
    preparation: str
    output: str
    seed: int
    share: float = 1.0
    max_seconds: float | None = None
    checkpoints: str | None = None
    warm_start: str | None = None

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
        known = [f.name for f in fields(cls)]
        optional = {f.name for f in fields(cls) if f.default is not MISSING}
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RequestError(
                f"The training request {file} cannot be read: {error}",
                expected=f"a JSON object with the keys {known}",
                hint="check the path, and write the file again",
            ) from error
        found = sorted(document) if isinstance(document, dict) else []
        for key in sorted((set(found) ^ set(known)) - (optional - set(found))):
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
        Rows, or windows of a series.
    n_epochs : int
        Epochs of a network, iterations of a baseline's solver.
    best_epoch : int
        The epoch whose weights were kept; the last iteration of a baseline.
    is_converged : bool
        Whether a baseline's solver converged; true for a network.
    seconds : float
        Time spent fitting, over all tries.
    epoch_seconds, learning_rates : tuple of float
        One per epoch; empty for a baseline.
    metrics : mapping of str to float
        ``train_loss`` and ``train_accuracy`` or ``train_mae``, and the same for ``validation`` where
        there are such rows, of the kept weights.
    measure : {"accuracy", "mae"}
        What is measured beside the loss.
    backend : str
        Keras's, or ``none`` for a baseline without it.
    batch_size : int
        Rows per update; smaller than asked for where memory was short. 0 for a baseline.
    is_cut_short : bool
        Whether the time for training ran out.
    settings : mapping
        What a search has found, by setting; empty without one.
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
    measure: str
    learning_rates: tuple[float, ...] = ()
    backend: str = "none"
    batch_size: int = 0
    is_cut_short: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> TrainingReport:
        """Read the report of a result folder."""
        document = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
        return cls(
            **{
                **document,
                "packages": tuple(document["packages"]),
                "epoch_seconds": tuple(document["epoch_seconds"]),
                "learning_rates": tuple(document["learning_rates"]),
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
        ``history.json``, after a search ``trials.json``, and ``network.keras`` or ``estimator.skops``.

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
    # For rows that are too many for the memory; beside the result, of which they are no part.
    with tempfile.TemporaryDirectory(dir=output.parent, prefix="rows-") as scratch:
        if request.spec.get("kind") in NETWORK_KINDS:
            report, epochs = _train_network(
                request, dataset, preparation, partial, Path(scratch), on_epoch
            )
        else:
            report = _fit_baseline(request, dataset, preparation, partial, Path(scratch))
    history = {
        "candidate": request.candidate,
        "measure": report.measure,
        "rows": tidy_history(epochs),
    }
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
    scratch: Path,
    on_epoch: Callable[[Epoch], None] | None,
) -> tuple[TrainingReport, tuple[Epoch, ...]]:
    import keras

    from tasks.training.trainer import TrainingOptions, train

    options = TrainingOptions(
        share=request.share,
        max_seconds=request.max_seconds,
        checkpoints=Path(request.checkpoints) if request.checkpoints else None,
        warm_start=Path(request.warm_start) if request.warm_start else None,
        scratch=scratch,
    )
    spec = dict(request.spec)
    settings: Mapping[str, Any] = {}
    if spec.get("search"):
        from tasks.training.trials import search_settings_of

        found = search_settings_of(request, dataset, preparation, options)
        settings = found.settings
        (folder / TRIALS_FILE).write_text(json.dumps(found.to_json(), indent=1), encoding="utf-8")
        spec |= settings
    result = train(
        dataset,
        preparation,
        spec,
        name=request.candidate,
        seed=request.seed,
        on_epoch=on_epoch,
        options=options,
    )
    # A new model around the same layers has no optimizer, whose state is twice the weights' size.
    keras.Model(result.network.inputs, result.network.outputs, name=result.network.name).save(
        folder / NETWORK_FILE
    )
    best = result.epochs[result.best_epoch - 1]
    metrics = {f"train_{name}": value for name, value in best.train.items()}
    if best.validation is not None:
        metrics |= {f"validation_{name}": value for name, value in best.validation.items()}
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
        measure=MEASURE_OF[preparation.kind],
        learning_rates=tuple(e.learning_rate for e in result.epochs),
        backend=keras.backend.backend(),
        batch_size=result.batch_size,
        is_cut_short=result.is_cut_short,
        settings=settings,
    )
    return report, result.epochs


def _fit_baseline(
    request: TrainingRequest,
    dataset: Dataset,
    preparation: Preparation,
    folder: Path,
    scratch: Path,
) -> TrainingReport:
    from tasks.training.baselines import fit_baseline, save_baseline

    result = fit_baseline(
        dataset,
        preparation,
        request.spec,
        name=request.candidate,
        seed=request.seed,
        scratch=scratch,
    )
    return TrainingReport(
        candidate=request.candidate,
        kind=str(request.spec["kind"]),
        packages=save_baseline(result, folder),
        n_parameters=result.n_parameters,
        n_training_rows=result.n_training_rows,
        n_validation_rows=result.n_validation_rows,
        n_epochs=result.n_iterations,
        best_epoch=result.n_iterations,
        is_converged=result.is_converged,
        seconds=result.seconds,
        epoch_seconds=(),
        metrics=result.metrics,
        measure=MEASURE_OF[preparation.kind],
    )
