"""Keras layers as ONNX operators: those that the networks and forecasters of this package are made of.

Used by ``tasks.models.onnx_export``, which checks every network that comes out against Keras. So a
layer that is set in a way that nothing here knows about is found there, on the network's own answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import ModelError, nearest

# ONNX's gates in the order in which Keras keeps them, by their number: LSTM i, f, c, o to i, o, f, c.
_GATES: Mapping[str, tuple[int, ...]] = {
    "SimpleRNN": (0,),
    "LSTM": (0, 3, 1, 2),
    "GRU": (0, 1, 2),
}
_CELLS = {"SimpleRNN": "RNN", "LSTM": "LSTM", "GRU": "GRU"}
_TO_CHANNELS_FIRST, _TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
_PADDINGS = {"valid": "VALID", "same": "SAME_UPPER"}
_UNARY = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "elu": "Elu", "selu": "Selu"}


class OnnxGraph:
    """An ONNX graph that grows operator by operator, in float32.

    Attributes
    ----------
    nodes : list of onnx.NodeProto
    constants : list of onnx.TensorProto
        Weights and other arrays that are part of the graph.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(
        self, operator: str, inputs: Sequence[str], *, n_outputs: int = 1, **settings: Any
    ) -> str:
        """Add an operator, and return the name of its last output."""
        from onnx import helper

        name = f"{operator}_{len(self.nodes)}"
        outputs = [f"{name}_{i}" for i in range(n_outputs)]
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=name, **settings))
        return outputs[-1]

    def add_constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """Add an array, and return its name."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        array = np.ascontiguousarray(values, dtype=dtype).reshape(np.shape(values))
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def reshape(self, values: str, shape: Sequence[int]) -> str:
        """Add a change of shape; 0 keeps a place as it is."""
        return self.add("Reshape", [values, self.add_constant(shape, np.int64)])


def add_layer(graph: OnnxGraph, layer: Any, inputs: Sequence[str], others: Sequence[Any]) -> str:
    """Add what a layer, or an operation of ``keras.ops``, computes.

    Parameters
    ----------
    graph : OnnxGraph
        Grows.
    layer : keras.Layer or keras.Operation
    inputs : sequence of str
        Names of the values that it is called with.
    others : sequence
        What else it is called with.

    Returns
    -------
    str
        Name of its output.

    Raises
    ------
    ModelError
        When nothing here knows the layer, or its activation.
    """
    kind = type(layer).__name__
    if kind in _MERGING:
        return graph.add(_MERGING[kind], inputs)
    if kind == "Take":
        return graph.add(
            "Gather", [inputs[0], graph.add_constant(others, np.int64)], axis=layer.axis
        )
    if kind not in _LAYERS:
        raise ModelError(
            f"The layer {layer.name!r} is a {kind}, which cannot be exported.",
            expected=nearest(kind, sorted({*_LAYERS, *_MERGING, "Take"})),
            hint="the network is served by Keras; teach 'tasks.models.onnx_layers' the layer",
        )
    return _LAYERS[kind](graph, layer, inputs[0])


def _normalise(graph: OnnxGraph, layer: Any, values: str) -> str:
    import keras

    deviation = np.sqrt(_read(layer.variance))
    centred = graph.add("Sub", [values, graph.add_constant(_read(layer.mean))])
    scale = graph.add_constant(np.maximum(deviation, keras.config.epsilon()))
    return graph.add("Div", [centred, scale])


def _rescale(graph: OnnxGraph, layer: Any, values: str) -> str:
    scaled = graph.add("Mul", [values, graph.add_constant(layer.scale)])
    return graph.add("Add", [scaled, graph.add_constant(layer.offset)])


def _normalise_batch(graph: OnnxGraph, layer: Any, values: str) -> str:
    # As after training: with the moving mean and variance, which are one scale and one shift.
    scale = 1.0 / np.sqrt(_read(layer.moving_variance).astype(np.float64) + layer.epsilon)
    if layer.scale:
        scale = scale * _read(layer.gamma)
    shift = -_read(layer.moving_mean) * scale
    if layer.center:
        shift = shift + _read(layer.beta)
    scaled = graph.add("Mul", [values, graph.add_constant(scale)])
    return graph.add("Add", [scaled, graph.add_constant(shift)])


def _convolve(graph: OnnxGraph, layer: Any, values: str) -> str:
    kernel = _read(layer.kernel).transpose(3, 2, 0, 1)  # height, width, in, out to out, in, ...
    inputs = [graph.add("Transpose", [values], perm=_TO_CHANNELS_FIRST)]
    inputs.append(graph.add_constant(kernel))
    if layer.use_bias:
        inputs.append(graph.add_constant(_read(layer.bias)))
    convolved = graph.add(
        "Conv",
        inputs,
        strides=list(layer.strides),
        dilations=list(layer.dilation_rate),
        auto_pad=_PADDINGS[layer.padding],
    )
    activated = _activate(graph, layer, convolved, axis=1)
    return graph.add("Transpose", [activated], perm=_TO_CHANNELS_LAST)


def _pool(operator: str) -> Callable[[OnnxGraph, Any, str], str]:
    def pool(graph: OnnxGraph, layer: Any, values: str) -> str:
        pooled = graph.add(
            operator,
            [graph.add("Transpose", [values], perm=_TO_CHANNELS_FIRST)],
            kernel_shape=list(layer.pool_size),
            strides=list(layer.strides),
            auto_pad=_PADDINGS[layer.padding],
        )
        return graph.add("Transpose", [pooled], perm=_TO_CHANNELS_LAST)

    return pool


def _connect(graph: OnnxGraph, layer: Any, values: str) -> str:
    summed = graph.add("MatMul", [values, graph.add_constant(_read(layer.kernel))])
    return _add_bias(graph, layer, summed)


def _connect_along_axes(graph: OnnxGraph, layer: Any, values: str) -> str:
    kernel = graph.add_constant(_read(layer.kernel))
    summed = graph.add("Einsum", [values, kernel], equation=layer.equation)
    return _add_bias(graph, layer, summed)


def _add_bias(graph: OnnxGraph, layer: Any, values: str) -> str:
    if layer.bias is not None:
        values = graph.add("Add", [values, graph.add_constant(_read(layer.bias))])
    return _activate(graph, layer, values)


def _recur(graph: OnnxGraph, layer: Any, values: str) -> str:
    return _recur_in_directions(graph, [layer], values, "forward")


def _recur_both_ways(graph: OnnxGraph, layer: Any, values: str) -> str:
    both = [layer.forward_layer, layer.backward_layer]
    return _recur_in_directions(graph, both, values, "bidirectional")


def _recur_in_directions(
    graph: OnnxGraph, layers: Sequence[Any], values: str, direction: str
) -> str:
    kind = type(layers[0]).__name__
    if kind not in _CELLS:
        raise ModelError(
            f"The recurrent layer {layers[0].name!r} is a {kind}, which cannot be exported.",
            expected=nearest(kind, list(_CELLS)),
            hint="the network is served by Keras",
        )
    weights = [_arrange_gates(layer, _GATES[kind]) for layer in layers]
    n_units = layers[0].units
    settings = {"linear_before_reset": int(layers[0].reset_after)} if kind == "GRU" else {}
    is_sequence = layers[0].return_sequences
    inputs = [graph.add("Transpose", [values], perm=(1, 0, 2))]
    inputs += [graph.add_constant(np.stack(arrays)) for arrays in zip(*weights, strict=True)]
    # Outputs: all steps, (n_steps, n_directions, n_rows, n_units), and the last one without n_steps.
    output = graph.add(
        _CELLS[kind],
        inputs,
        n_outputs=1 if is_sequence else 2,
        hidden_size=n_units,
        direction=direction,
        **settings,
    )
    perm = (2, 0, 1, 3) if is_sequence else (1, 0, 2)
    rows_first = graph.add("Transpose", [output], perm=perm)
    return graph.reshape(rows_first, [0] * (len(perm) - 2) + [len(layers) * n_units])


def _arrange_gates(layer: Any, order: Sequence[int]) -> tuple[npt.NDArray[Any], ...]:
    """Arrange a cell's weights as ONNX has them: of the inputs, of the state, and both biases."""
    cell = layer.cell
    kernel, recurrent = _read(cell.kernel), _read(cell.recurrent_kernel)
    bias = np.zeros((2, kernel.shape[1]), dtype=np.float32)
    if cell.use_bias:
        found = np.atleast_2d(_read(cell.bias))  # a GRU keeps both, the others their sum
        bias[: len(found)] = found

    def arrange(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        gates = np.split(values, len(order), axis=-1)
        return np.concatenate([gates[i] for i in order], axis=-1)

    return arrange(kernel).T, arrange(recurrent).T, arrange(bias).reshape(-1)


def _crop(graph: OnnxGraph, layer: Any, values: str) -> str:
    before, after = layer.cropping
    bounds = ([before], [-after if after else np.iinfo(np.int64).max], [1])  # begin, end, axis
    return graph.add("Slice", [values, *(graph.add_constant(b, np.int64) for b in bounds)])


def _flatten(graph: OnnxGraph, layer: Any, values: str) -> str:
    return graph.reshape(values, [0, math.prod(layer.input.shape[1:])])


def _reshape(graph: OnnxGraph, layer: Any, values: str) -> str:
    return graph.reshape(values, [0, *layer.target_shape])


def _pass(graph: OnnxGraph, layer: Any, values: str) -> str:  # noqa: ARG001 - one of many
    return values  # dropout drops nothing once training has ended


def _activate(graph: OnnxGraph, layer: Any, values: str, axis: int = -1) -> str:
    import keras

    name = keras.activations.serialize(layer.activation)
    if name == "linear":
        return values
    if name == "softmax":
        return graph.add("Softmax", [values], axis=axis)
    if name == "silu":
        return graph.add("Mul", [values, graph.add("Sigmoid", [values])])
    if name == "gelu":
        scaled = graph.add("Mul", [values, graph.add_constant(math.sqrt(0.5))])
        share = graph.add("Add", [graph.add("Erf", [scaled]), graph.add_constant(1.0)])
        half = graph.add("Mul", [values, graph.add_constant(0.5)])
        return graph.add("Mul", [half, share])
    if name in _UNARY:
        return graph.add(_UNARY[name], [values])
    raise ModelError(
        f"The layer {layer.name!r} has the activation {name!r}, which cannot be exported.",
        expected=nearest(str(name), ["linear", "softmax", "silu", "gelu", *_UNARY]),
        hint="the network is served by Keras; teach 'tasks.models.onnx_layers' the activation",
    )


def _read(weights: Any) -> npt.NDArray[Any]:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(weights), dtype=np.float32)


_LAYERS: Mapping[str, Callable[[OnnxGraph, Any, str], str]] = {
    "Activation": _activate,
    "AveragePooling2D": _pool("AveragePool"),
    "BatchNormalization": _normalise_batch,
    "Bidirectional": _recur_both_ways,
    "Conv2D": _convolve,
    "Cropping1D": _crop,
    "Dense": _connect,
    "Dropout": _pass,
    "EinsumDense": _connect_along_axes,
    "Flatten": _flatten,
    "GRU": _recur,
    "LSTM": _recur,
    "MaxPooling2D": _pool("MaxPool"),
    "Normalization": _normalise,
    "Rescaling": _rescale,
    "Reshape": _reshape,
    "SimpleRNN": _recur,
}
# Layers and operations of the same name; the values come in the order of the call.
_MERGING = {"Add": "Add", "Subtract": "Sub"}
