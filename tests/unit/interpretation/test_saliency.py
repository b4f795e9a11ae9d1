"""Integrated gradients: exact for a linear model, complete, and as fine as it takes."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.interpretation.saliency import integrate_gradients

RNG = np.random.default_rng(2)
WEIGHTS = RNG.normal(size=(3, 4))
INPUTS = RNG.normal(size=(5, 3))
CODES = np.array([0, 1, 2, 3, 0])
REFERENCE = np.array([0.5, -1.0, 2.0])


def linear(inputs, codes):
    return (inputs @ WEIGHTS)[np.arange(len(codes)), codes]


def linear_gradient(inputs, codes):
    return WEIGHTS.T[codes]


def steep(inputs, codes):
    return 0.5 + 0.5 * np.tanh(40.0 * inputs.sum(axis=1))  # the logistic function of 80 x


def steep_gradient(inputs, codes):
    p = steep(inputs, codes)
    return np.repeat((80.0 * p * (1 - p))[:, np.newaxis], inputs.shape[1], axis=1)


def test_a_linear_model_has_its_weights_times_the_difference() -> None:
    """The attribution of value i is w_i (x_i - b_i), exactly."""
    found = integrate_gradients(linear, linear_gradient, INPUTS, CODES, REFERENCE)
    assert found.values == pytest.approx(WEIGHTS.T[CODES] * (INPUTS - REFERENCE), abs=1e-12)
    assert found.errors == pytest.approx(np.zeros(5), abs=1e-6)


def test_they_add_up_to_the_rise_of_the_output() -> None:
    """Completeness, of a model that bends: the sum is F(x) - F(b)."""

    def curved(inputs, codes):
        return np.tanh(inputs).prod(axis=1)

    def curved_gradient(inputs, codes):
        t = np.tanh(inputs)
        return (1 - t**2) * t.prod(axis=1, keepdims=True) / t

    found = integrate_gradients(curved, curved_gradient, INPUTS, CODES, REFERENCE, n_steps=256)
    rise = curved(INPUTS, CODES) - np.tanh(REFERENCE).prod()
    assert found.values.sum(axis=1) == pytest.approx(rise, abs=1e-4)
    assert np.abs(found.errors).max() < 1e-4


def test_what_equals_the_reference_gets_nothing() -> None:
    """However much the model looks at it."""
    inputs = INPUTS.copy()
    inputs[:, 1] = REFERENCE[1]
    found = integrate_gradients(linear, linear_gradient, inputs, CODES, REFERENCE)
    assert (found.values[:, 1] == 0.0).all()


def test_more_steps_are_taken_where_the_sum_is_off() -> None:
    """A step as steep as a confident network's lies between 32 points; 256 see it."""
    inputs, codes = np.array([[3.0]]), np.array([0])
    asked = (steep, steep_gradient, inputs, codes, np.array([-2.93]))
    coarse = integrate_gradients(*asked, max_steps=32)
    fine = integrate_gradients(*asked)
    assert coarse.n_steps == 32
    assert abs(coarse.errors[0]) > 0.02
    assert fine.n_steps > 32
    assert abs(fine.errors[0]) <= 0.02
    assert fine.values.sum() == pytest.approx(1.0, abs=0.02)


def test_the_error_is_told_where_no_number_of_steps_is_enough() -> None:
    """A gradient that does not belong to the outputs is never complete."""

    def no_gradient(inputs, codes):
        return np.zeros_like(inputs)

    found = integrate_gradients(linear, no_gradient, INPUTS, CODES, REFERENCE, max_steps=64)
    assert found.n_steps == 64
    rise = linear(INPUTS, CODES) - linear(np.tile(REFERENCE, (5, 1)), CODES)
    assert found.errors == pytest.approx(-rise)
