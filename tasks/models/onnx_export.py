"""Export a network to ONNX beside its Keras file, and check that both say the same.

Called by ``tasks.models.packaging``. ``python -m tasks.models.onnx_export`` is the same in an
interpreter of its own, for a machine with cards: TensorFlow must take none of them for this.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import tasks
from tasks.errors import ModelError, get_first_line
from tasks.models.onnx_layers import OnnxGraph, add_layer
from tasks.models.onnx_network import load_onnx_network
from tasks.models.predictor import load_network
from tasks.preparation.preparation import Kind

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)

TOLERANCE = 1e-4
N_RANDOM_ROWS = 64
# A column that varies by less than this share of its largest value is measured by that share: float32
# has seven digits, and TOLERANCE of it is the sixth.
_LEAST_SCALE = 0.01
TIMEOUT_SECONDS = 300.0  # of an interpreter of its own; it takes about six
_INPUT, _OUTPUT, _N_ROWS = "rows", "answers", "n_rows"
# Of 2022, so that runtimes other than ours read the file too.
_OPSET, _FORMAT_VERSION = 17, 8
_FULL_PRECISION = "float32"
_WITHOUT_CARDS = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}


@dataclass(frozen=True)
class Export:
    """What came of an export.

    Parameters
    ----------
    problem : str or None
        Why there is no exported network; None where there is one.
    max_difference : float or None
        Largest difference between both networks' answers: of classes as a probability, of numbers
        and forecasts as a share of a column's standard deviation (of at least a hundredth of its
        largest value). None where it was not measured.
    n_rows : int
        Rows that were compared.
    precision : str or None
        What the layers computed with in training, where it was not float32, in which the exported
        network computes.
    seconds : float
    """

    problem: str | None
    max_difference: float | None = None
    n_rows: int = 0
    precision: str | None = None
    seconds: float = 0.0


def export_network(
    file: Path,
    target: Path,
    *,
    kind: Kind,
    rows: npt.NDArray[Any] | None = None,
    in_own_interpreter: bool = False,
) -> Export:
    """Export a network, or say why that cannot be done.

    Parameters
    ----------
    file : Path
        A ``network.keras``.
    target : Path
        The ``network.onnx`` to write; it is there afterwards only when it says the same.
    kind : {"classification", "regression", "forecast"}
        What it predicts.
    rows : ndarray of shape (n_rows, *input_shape), optional
        Real inputs to compare both networks on, beside random ones.
    in_own_interpreter : bool, default False
        Whether to load Keras in another process, which sees no card.

    Returns
    -------
    Export
        A network that cannot be exported is a finding and no error: Keras serves it.

    Notes
    -----
    A network that was trained with layers of bfloat16 or float16 is exported, and compared, with
    layers of float32: its weights are float32 anyway.
    """
    began = time.perf_counter()
    try:
        convert = _convert_in_own_interpreter if in_own_interpreter else convert_network
        export = convert(file, target, kind, rows)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, Keras can serve the network
        export = Export(get_first_line(error) or type(error).__name__)
    if export.problem is not None:
        target.unlink(missing_ok=True)
    export = replace(export, seconds=time.perf_counter() - began)
    if export.problem is None:
        logger.info(
            "exported to ONNX in %.1f s: at most %.1e from Keras on %d rows",
            export.seconds,
            export.max_difference,
            export.n_rows,
        )
    else:
        logger.warning("not exported to ONNX, so that Keras will serve it: %s", export.problem)
    return export


def convert_network(
    file: Path, target: Path, kind: Kind, rows: npt.NDArray[Any] | None = None
) -> Export:
    """Export a network in this process, and compare; parameters as of :func:`export_network`.

    Raises
    ------
    ModelError
        When the file is no network, or one with a layer that cannot be exported.
    """
    import keras
    import onnx

    network, precision = _compute_in_full_precision(load_network(file))
    onnx.save(build_onnx_model(network), target)
    inputs = _draw_inputs(network)
    if rows is not None:
        inputs = np.concatenate([inputs, np.asarray(rows, dtype=np.float32)])
    expected = np.asarray(keras.ops.convert_to_numpy(network(inputs, training=False)))
    compute = load_onnx_network(target)
    # One row takes other ways through the kernels than many do.
    found = np.concatenate([compute(inputs), compute(inputs[-1:])])
    difference = measure_difference(np.concatenate([expected, expected[-1:]]), found, kind)
    problem = None
    if not difference <= TOLERANCE:
        problem = f"its answers differ from Keras's by {difference:.1e}, more than {TOLERANCE:g}"
    return Export(problem, difference, len(inputs), precision)


def build_onnx_model(network: keras.Model) -> Any:
    """Build the ONNX model of a network, in float32.

    Parameters
    ----------
    network : keras.Model
        Functional, with one input and one output.

    Returns
    -------
    onnx.ModelProto
        Any number of rows in, as many out.

    Raises
    ------
    ModelError
        When the network has a layer that cannot be exported, or several inputs or outputs.
    """
    import keras
    from onnx import TensorProto, checker, helper

    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise ModelError(
            f"The network has {len(network.inputs)} inputs and {len(network.outputs)} outputs.",
            expected="one of each",
            hint="the network is served by Keras",
        )
    graph = OnnxGraph()
    names: dict[int, str] = {}
    kept: list[Any] = []  # so that no identity is given away twice

    def follow(layer: Any, *args: Any, **kwargs: Any) -> Any:
        given = keras.tree.flatten((args, kwargs))
        inputs = [names[id(g)] for g in given if isinstance(g, keras.KerasTensor)]
        others = [g for g in given if not isinstance(g, keras.KerasTensor)]
        output = layer(*args, **kwargs)
        names[id(output)] = add_layer(graph, layer, inputs, others)
        kept.append(output)
        return output

    start = keras.Input(batch_shape=network.input_shape, dtype=network.inputs[0].dtype)
    names[id(start)] = _INPUT
    # Keras walks through the network, with its own layers and not with clones of them.
    end = keras.models.clone_model(
        network,
        keras.tree.map_structure(lambda _: start, network.input),
        clone_function=lambda layer: layer,
        call_function=follow,
    ).outputs[0]
    graph.nodes.append(helper.make_node("Identity", [names[id(end)]], [_OUTPUT]))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [_N_ROWS, *shape[1:]])
        for name, shape in ((_INPUT, network.input_shape), (_OUTPUT, network.output_shape))
    ]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "network", ends[:1], ends[1:], graph.constants),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_FORMAT_VERSION,
    )
    checker.check_model(model)
    return model


def measure_difference(
    expected: npt.NDArray[np.floating[Any]], found: npt.NDArray[np.floating[Any]], kind: Kind
) -> float:
    """Measure how far two networks' answers to the same rows are apart.

    Parameters
    ----------
    expected, found : ndarray of shape (n_rows, ...)
        The last axis holds the columns.
    kind : {"classification", "regression", "forecast"}

    Returns
    -------
    float
        As in :attr:`Export.max_difference`; infinite where the shapes differ or an answer is no number.

    Examples
    --------
    >>> measure_difference(np.array([[0.25, 0.75]]), np.array([[0.5, 0.5]]), "classification")
    0.25
    >>> measure_difference(np.array([[2.0], [6.0]]), np.array([[2.0], [7.0]]), "regression")
    0.5
    """
    if found.shape != expected.shape or not np.isfinite(found).all():
        return float("inf")
    exact = expected.astype(np.float64)
    gap = np.abs(found - exact)
    if kind != "classification":
        axes = tuple(range(exact.ndim - 1))
        scale = np.maximum(exact.std(axis=axes), _LEAST_SCALE * np.abs(exact).max(axis=axes))
        gap = gap / np.where(scale > 0, scale, 1.0)
    largest = float(np.max(gap))
    return largest if np.isfinite(largest) else float("inf")


def _compute_in_full_precision(network: keras.Model) -> tuple[keras.Model, str | None]:
    """Make a twin of float32 layers of a network with others; gives their precision, too."""
    import keras

    others = {layer.dtype_policy.name for layer in network.layers} - {_FULL_PRECISION}
    if not others:
        return network, None
    text = network.to_json()
    for name in others:
        text = text.replace(f'"{name}"', f'"{_FULL_PRECISION}"')
    twin = keras.models.model_from_json(text)
    twin.set_weights(network.get_weights())
    return twin, ", ".join(sorted(others))


def _draw_inputs(network: keras.Model) -> npt.NDArray[np.float32]:
    """Draw random rows, around those that the network was trained on where it knows them."""
    import keras

    drawn = np.random.default_rng(0).standard_normal((N_RANDOM_ROWS, *network.input_shape[1:]))
    for layer in network.layers:
        if isinstance(layer, keras.layers.Normalization):
            mean, variance = map(keras.ops.convert_to_numpy, (layer.mean, layer.variance))
            drawn = mean + np.sqrt(variance) * drawn
    return drawn.astype(np.float32)


def _convert_in_own_interpreter(
    file: Path, target: Path, kind: Kind, rows: npt.NDArray[Any] | None
) -> Export:
    root = str(Path(tasks.__file__).resolve().parent.parent)
    path = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH")) if p)
    command = [sys.executable, "-P", "-m", "tasks.models.onnx_export", str(file), str(target), kind]
    with tempfile.TemporaryDirectory() as scratch:
        if rows is not None:
            np.save(Path(scratch) / "rows.npy", rows)
            command += ["--rows", str(Path(scratch) / "rows.npy")]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, **_WITHOUT_CARDS, "PYTHONPATH": path},
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [""]
        return Export(f"its interpreter ended with the code {done.returncode}: {lines[-1]}")
    return Export(**json.loads(done.stdout.splitlines()[-1]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, export, and print what came of it as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m tasks.models.onnx_export", description=__doc__)
    parser.add_argument("file", type=Path, metavar="NETWORK.keras")
    parser.add_argument("target", type=Path, metavar="NETWORK.onnx")
    parser.add_argument("kind", choices=["classification", "regression", "forecast"])
    parser.add_argument("--rows", type=Path, metavar="ROWS.npy", help="real inputs to compare on")
    options = parser.parse_args(arguments)
    rows = np.load(options.rows, allow_pickle=False) if options.rows else None
    export = export_network(options.file, options.target, kind=options.kind, rows=rows)
    print(json.dumps(asdict(export)), flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
