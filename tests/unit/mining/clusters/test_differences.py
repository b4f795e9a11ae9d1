import numpy as np
import pytest

from tasks.mining.clusters.differences import compute_differences, name_cluster
from tasks.preparation.originals import Original

INPUTS = [
    Original("mass", "mass"),
    Original("town_Rome", "town", category="Rome"),
    Original("town_Oslo", "town", category="Oslo"),
    Original("size", "size", categories=("S", "M")),
]


@pytest.mark.parametrize(
    ("differences", "name"),
    [
        ([2.0, 0.0, 0.0, -1.0], "high mass, low size"),
        ([-0.5, 0.1, 0.0, 0.2], "low mass"),
        ([0.4, 0.3, -0.4, 0.1], "near the average"),
        # That a row of Rome is not of Oslo needs no words.
        ([0.6, 2.0, -1.5, 0.0], "town is Rome, high mass"),
        ([0.0, -0.9, 0.0, 0.6], "town is not Rome, high size"),
    ],
)
def test_a_name_is_made_of_what_tells_most(differences: list[float], name: str) -> None:
    """At most two differences of at least half a standard deviation, the largest first."""
    assert name_cluster(np.array(differences), INPUTS, 0, taken=()) == name


def test_a_name_that_is_taken_gets_more_words_and_then_a_number() -> None:
    """Two clusters never have the same name."""
    differences = np.array([3.0, 2.0, 0.0, -1.0])
    first = "high mass, town is Rome"
    assert name_cluster(differences, INPUTS, 4, {first}) == f"{first}, low size"
    assert name_cluster(differences, INPUTS, 4, {first, f"{first}, low size"}) == f"{first} (4)"


def test_long_and_broken_names_are_cut() -> None:
    """A column's name may be of any length, and hold line breaks."""
    inputs = [Original("x", "x\ny" + "z" * 300)]
    name = name_cluster(np.array([1.0]), inputs, 0, ())
    assert name.startswith("high x yzz")
    assert len(name) < 60


def test_an_input_that_does_not_vary_makes_no_difference() -> None:
    """What rounding leaves of a constant is no difference."""
    found = compute_differences(np.array([[1e6 + 1e-5]]), np.array([1e6]), np.array([1e-6]))
    assert found.tolist() == [[0.0]]
