"""Learning rates worked out by hand at the ends, the peak and the middle of a schedule."""

from __future__ import annotations

import keras
import pytest

from tasks.training.schedules import END_OF_CYCLE, START_OF_CYCLE, WarmUpAndDecay, make_schedule


def rate(schedule: WarmUpAndDecay, step: int) -> float:
    return float(keras.ops.convert_to_numpy(schedule(step)))


def test_a_constant_rate_is_a_number() -> None:
    """Adam then needs no schedule at all."""
    assert make_schedule("constant", 0.01, None, 100) == 0.01


def test_a_warm_up_rises_in_a_straight_line() -> None:
    """Ten updates to the peak, the first of them with a tenth, and then it stays."""
    schedule = make_schedule("constant", 0.01, 0.1, 100)
    assert isinstance(schedule, WarmUpAndDecay)
    assert [rate(schedule, t) for t in (0, 4, 9, 10, 99)] == pytest.approx(
        [0.001, 0.005, 0.01, 0.01, 0.01]
    )


def test_a_cosine_falls_from_the_peak_to_nearly_nothing() -> None:
    """Half of the way it has lost half of its height."""
    schedule = make_schedule("cosine", 0.01, None, 100)
    assert isinstance(schedule, WarmUpAndDecay)
    middle = 0.01 * (END_OF_CYCLE + (1 - END_OF_CYCLE) / 2)
    assert [rate(schedule, t) for t in (0, 50, 100)] == pytest.approx(
        [0.01, middle, 0.01 * END_OF_CYCLE]
    )


def test_one_cycle_rises_for_a_third_and_falls() -> None:
    """From a twenty-fifth of the peak."""
    schedule = make_schedule("one_cycle", 0.01, None, 100)
    assert isinstance(schedule, WarmUpAndDecay)
    first = 0.01 * (START_OF_CYCLE + (1 - START_OF_CYCLE) / 30)
    assert [rate(schedule, t) for t in (0, 29, 30, 100)] == pytest.approx(
        [first, 0.01, 0.01, 0.01 * END_OF_CYCLE]
    )


def test_after_the_last_update_it_does_not_rise_again() -> None:
    """A cosine would; a resumed training may count one update more."""
    schedule = make_schedule("cosine", 0.01, None, 100)
    assert isinstance(schedule, WarmUpAndDecay)
    assert rate(schedule, 150) == pytest.approx(0.01 * END_OF_CYCLE)


def test_a_schedule_is_saved_with_its_settings() -> None:
    """Keras makes the same one from the configuration."""
    schedule = make_schedule("one_cycle", 0.01, 0.2, 50)
    assert isinstance(schedule, WarmUpAndDecay)
    again = WarmUpAndDecay.from_config(schedule.get_config())
    assert [rate(again, t) for t in (0, 7, 30)] == [rate(schedule, t) for t in (0, 7, 30)]
