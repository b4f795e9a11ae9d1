import numpy as np
import pytest

from tasks.mining.pca.turn import measure_turn

RATIO = [0.5, 0.3, 0.1]


def turn_by(degrees: float) -> np.ndarray:
    """The first two of three axes, the second turned towards the third."""
    angle = np.deg2rad(degrees)
    return np.array([[1.0, 0.0, 0.0], [0.0, np.cos(angle), np.sin(angle)]])


@pytest.mark.parametrize("degrees", [0.0, 3.0, 45.0, 90.0])
def test_the_angle_is_that_of_the_planes(degrees: float) -> None:
    """A plane tipped about its first axis has turned by just that."""
    found = measure_turn(turn_by(0), turn_by(degrees), then_ratio=RATIO, now_ratio=RATIO)
    assert found is not None
    assert found.n_leading == 2
    assert found.angle_degrees == pytest.approx(degrees, abs=1e-3)


def test_signs_and_exchanged_components_are_no_turn() -> None:
    """The plane is the same."""
    then = turn_by(20)
    found = measure_turn(then, -then[::-1], then_ratio=RATIO, now_ratio=RATIO)
    assert found is not None
    assert found.angle_degrees == 0


def test_the_angle_never_exceeds_a_right_one() -> None:
    """A direction turned by 170 degrees is 10 degrees from where it was."""
    angle = np.deg2rad(170)
    found = measure_turn(
        np.array([[1.0, 0.0]]),
        np.array([[np.cos(angle), np.sin(angle)]]),
        then_ratio=[0.9],
        now_ratio=[0.9],
    )
    assert found is not None
    assert found.angle_degrees == pytest.approx(10, abs=1e-3)


def test_of_two_inputs_the_first_direction_is_compared() -> None:
    """Two components of two inputs always span the same plane."""
    across = np.eye(2)
    found = measure_turn(across, across[::-1], then_ratio=[0.9, 0.1], now_ratio=[0.9, 0.1])
    assert found is not None
    assert (found.n_leading, found.angle_degrees) == (1, 90)


def test_one_input_has_nowhere_to_turn() -> None:
    """There is no angle to tell."""
    one = np.array([[1.0]])
    assert measure_turn(one, one, then_ratio=[1.0], now_ratio=[1.0]) is None


@pytest.mark.parametrize(
    ("then", "now", "is_separated"),
    [
        ([0.5, 0.3, 0.1], [0.5, 0.3, 0.1], True),
        ([0.5, 0.3, 0.29], [0.5, 0.3, 0.1], False),  # then told apart by chance
        ([0.5, 0.3, 0.1], [0.4, 0.3, 0.3], False),
        ([0.5, 0.3], [0.5, 0.3], True),  # what is not listed holds at most 0.2
        ([0.3, 0.2], [0.5, 0.3], False),  # it may hold 0.5
        ([0.6, 0.4], [0.6, 0.4], True),
    ],
)
def test_a_plane_that_may_turn_by_chance_is_told(
    then: list[float], now: list[float], is_separated: bool
) -> None:
    """Where the third component holds nearly as much as the second."""
    found = measure_turn(turn_by(0), turn_by(5), then_ratio=then, now_ratio=now)
    assert found is not None
    assert found.is_separated is is_separated
