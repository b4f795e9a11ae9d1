import numpy as np
import pytest

from tasks.mining.clusters.document import (
    Profile,
    describe_inputs,
    describe_stability,
    find_most_frequent,
    restore_mean,
)
from tasks.mining.clusters.stability import Stability
from tasks.mining.documents import round_or_none
from tasks.preparation.originals import Original, Originals
from tasks.preparation.transformers.scale import Scale


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_none(value: float | None) -> None:
    """JSON has no NaN."""
    assert round_or_none(value) is None


def test_what_summing_leaves_of_a_zero_is_zero() -> None:
    """A billionth of a standard deviation, and shares a little past their ends."""
    share = Original("town_Rome", "town", category="Rome")
    assert restore_mean(share, 1 + 1e-12, 0.4) == 1.0
    assert restore_mean(share, -3e-17, 0.4) == 0.0
    assert restore_mean(Original("x", "x"), 3e-15, 2.0) == 0.0
    assert restore_mean(Original("x", "x"), 3e-15, 1e-15) == 3e-15


def test_inputs_are_told_in_their_units_the_most_telling_first() -> None:
    """Of grams around 20 with a scale of 10, a clean mean of 0.5 is 25."""
    scale = Scale(["g"]).fit({"g": np.array([10.0, 30.0])})
    originals = [Original("x", "x"), Originals([scale]).find("g")]
    profile = Profile(
        originals,
        np.zeros((1, 2)),
        np.array([1.0, 0.5]),
        np.array([2.0, 1.0]),
        np.array([[0.1, -3.0]]),
    )
    first, second = describe_inputs(profile)
    assert (first["label"], first["mean"], first["std"]) == ("g", 25.0, 10.0)
    assert (second["label"], second["mean"], second["std"]) == ("x", 1.0, 2.0)


def test_stability_is_summed_up_by_its_mean_and_its_low_end() -> None:
    """Nineteen resamples of 1 and one of 0: the mean is 0.95, one in twenty is lower than most."""
    found = describe_stability(Stability((1.0,) * 19 + (0.0,), np.ones(2), 50))
    assert found == {
        "n_bootstraps": 20,
        "n_rows": 50,
        "adjusted_rand_mean": 0.95,
        "adjusted_rand_p5": 0.95,
    }
    assert describe_stability(Stability((), np.ones(2), 50)) is None
    assert describe_stability(None) is None


def test_the_first_of_equally_frequent_classes_is_told() -> None:
    """A tie is settled by the order of the classes."""
    assert find_most_frequent((2, 2), ("ant", "bee")) == ("ant", 0.5)
    assert find_most_frequent((0, 0), ("ant", "bee")) == (None, None)
