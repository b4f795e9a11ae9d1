from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from tasks.reporting import charts, cleaned, documents
from tasks.reporting.catalogue import draw_charts
from tasks.reporting.documents import NightDocuments
from tasks.reporting.explained import Explained
from tasks.reporting.mining.pca import tabulate_variance
from tasks.reporting.style import get_headline
from tasks.reporting.training import tabulate_history


@pytest.fixture(autouse=True)
def _no_figure_is_left_behind() -> Iterator[None]:
    """A chart's figure is nobody's but its caller's: pyplot must not hold it."""
    before = plt.get_fignums()
    yield
    assert plt.get_fignums() == before


def get_title(ax: Axes) -> str:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return get_headline(figure)


def test_class_bars_are_the_counts_stacked_by_part(night: NightDocuments) -> None:
    """Heights are the rows of each part, and each bar begins where the one below ends."""
    ax = charts.plot_class_frequencies(documents.tabulate_classes(night.cleaning_report or {}))
    train, validation, holdout = ax.containers
    assert [bar.get_height() for bar in train] == [120, 115, 115]
    assert [bar.get_height() for bar in holdout] == [40, 30, 30]
    assert [bar.get_y() for bar in holdout] == [140, 130, 130]
    assert [bar.get_y() for bar in validation] == [120, 115, 115]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("class", "rows")
    assert get_title(ax) == "3 classes, balanced: 160 to 180 rows each"


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([5, 5], "2 classes, each with 5 rows"),
        ([30, 10], "2 classes, not balanced: a 3.0 times as often as b"),
        ([30, 0], "2 classes, not balanced: b has no row"),
    ],
)
def test_the_class_chart_says_whether_classes_are_balanced(counts: list[int], message: str) -> None:
    """The title is the message."""
    data = pd.DataFrame({"split": "train", "class": ["a", "b"], "n_rows": counts})
    assert get_title(charts.plot_class_frequencies(data)) == message


def test_many_classes_are_cut_to_twenty_bars() -> None:
    """Nineteen of the most frequent, and one bar for the rest."""
    data = pd.DataFrame(
        {"split": "train", "class": [f"c{i}" for i in range(50)], "n_rows": range(1, 51)}
    )
    ax = charts.plot_class_frequencies(data)
    (bars,) = ax.containers
    assert len(bars) == 20
    assert bars[0].get_width() == 50
    assert bars[-1].get_width() == sum(range(1, 32))
    assert ax.get_yticklabels()[-1].get_text() == "31 other classes"


def test_row_bars_are_the_rows_in_and_what_became_of_them(night: NightDocuments) -> None:
    """Four bars, with their numbers."""
    ax = charts.plot_row_account(documents.tabulate_rows(night.cleaning_report or {}))
    assert [bar.get_width() for bar in ax.containers[0]] == [510, 500, 7, 3]
    assert {text.get_text() for text in ax.texts} == {"510", "500", "7", "3"}
    assert ax.get_xlabel() == "rows"
    assert get_title(ax) == "98.0\N{NO-BREAK SPACE}% of 510 rows are used, 10 set aside"


def test_rows_of_a_time_grid_have_bars_of_their_own() -> None:
    """100 came in and 5 were added; 90 are used, 11 merged and 4 quarantined."""
    report = {"rows_in": 100, "rows_added": 5, "rows_out": 90, "rows_quarantined": 4}
    data = documents.tabulate_rows({**report, "rows_duplicate": 0, "rows_merged": 11})
    ax = charts.plot_row_account(data)
    assert [bar.get_width() for bar in ax.containers[0]] == [100, 5, 90, 4, 0, 11]
    assert get_title(ax) == (
        "85.7\N{NO-BREAK SPACE}% of 105 rows, 5 of them added to the time grid, are used, 15 set aside"
    )


def make_holes(n_columns: int) -> pd.DataFrame:
    holes = {
        f"c{i}": {"missing": 30 - i, "changes": {"marked missing": 2}} for i in range(n_columns)
    }
    return cleaned.tabulate_holes({"columns": holes})


def test_missing_values_are_stacked_by_how_they_came_to_be() -> None:
    """30 of the first column: 28 empty, 2 marked; what never happened has no legend."""
    ax = charts.plot_missing_values(make_holes(3), 100, 5)
    empty, marked = ax.containers
    assert [bar.get_width() for bar in empty] == [28, 27, 26]
    assert [bar.get_x() for bar in marked] == [28, 27, 26]
    assert [text.get_text() for text in ax.texts] == ["30", "29", "28"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["c0", "c1", "c2"]
    assert get_title(ax) == (
        "3 of 5 columns miss 87 values, most c0 (30.0\N{NO-BREAK SPACE}% of the rows)"
    )


def test_one_column_with_holes_is_named() -> None:
    """The title is the message; without rows there is no share."""
    assert get_title(charts.plot_missing_values(make_holes(1), 0, 4)) == (
        "Only c0 misses values: 30 values"
    )


def test_many_columns_with_holes_are_cut_to_twenty_bars() -> None:
    """The title counts all of them."""
    ax = charts.plot_missing_values(make_holes(25), 100, 25)
    assert len(ax.get_yticklabels()) == 20
    assert get_title(ax).startswith("25 columns miss 450 values")


def make_series(n_rows: int = 20) -> pd.DataFrame:
    times = np.datetime64("2001-01-01", "us") + np.arange(n_rows) * np.timedelta64(7, "D")
    split = np.where(np.arange(n_rows) < n_rows // 2, "train", "holdout")
    is_filled = np.arange(n_rows) == 3
    return pd.DataFrame(
        {"time": times, "value": np.arange(float(n_rows)), "split": split, "is_filled": is_filled}
    )


def get_legend(ax: Axes) -> list[str]:
    return ax.get_legend_handles_labels()[1]


def test_a_series_is_a_line_over_its_parts() -> None:
    """Parts are shaded up to where the next begins, and what was filled in is marked."""
    ax = charts.plot_series(make_series(), "co2")
    line, filled = ax.get_lines()
    assert line.get_ydata().tolist() == list(range(20))
    assert filled.get_ydata().tolist() == [3.0]
    assert get_legend(ax) == ["training", "hold-out", "filled in (1)"]
    assert ax.get_ylabel() == "co2, as cleaned"
    assert get_title(ax) == "co2: 20 steps from 2001-01-01 to 2001-05-14: 1 filled in"


def test_a_line_is_broken_where_steps_are_missing() -> None:
    """Two weeks are missing after the eighth: a NaN stands between, and the gap is shaded."""
    data = make_series().drop(index=[8, 9]).reset_index(drop=True)
    ax = charts.plot_series(data, "co2")
    y = ax.get_lines()[0].get_ydata()
    assert np.flatnonzero(np.isnan(y)).tolist() == [8]
    assert "1 gap" in get_legend(ax)
    assert get_title(ax).endswith("1 filled in and 1 gap left open")


def test_parts_by_a_hash_are_not_shaded() -> None:
    """A stripe per row would be no picture."""
    data = make_series(200).assign(split=np.resize(["train", "holdout"], 200), is_filled=False)
    assert get_legend(charts.plot_series(data, "co2")) == []


def test_a_thinned_series_says_how_many_steps_there_are() -> None:
    """Its steps are no longer those of the series: no gap is claimed, and no count of filled ones."""
    data = make_series(40).iloc[[0, 1, 2, 3, 4, 5, 6, 7, 8, 20, 39]]
    ax = charts.plot_series(data, "co2", n_rows=40_000)
    assert get_legend(ax) == ["training", "hold-out", "filled in"]
    assert get_title(ax) == "co2: 40,000 steps from 2001-01-01 to 2001-10-01"


@pytest.mark.parametrize("year", [-44, 20_000])
def test_times_that_cannot_be_drawn_are_counted(year: int) -> None:
    """Matplotlib knows the years 1 to 9999; the rest of the series is drawn."""
    data = make_series(5)
    far = np.datetime64(year - 1970, "Y").astype("datetime64[us]")
    data["time"] = np.sort(np.array([far, *data["time"].to_numpy()[1:]]))
    assert "1 out of the years 1 to 9999" in get_title(charts.plot_series(data, "co2"))


def test_reasons_are_ordered_by_their_rows(night: NightDocuments) -> None:
    """The most frequent reason stands on top and in the title."""
    ax = charts.plot_quarantine_reasons(documents.tabulate_reasons(night.cleaning_report or {}))
    assert [bar.get_width() for bar in ax.containers[0]] == [5, 2]
    assert get_title(ax) == "7 rows in quarantine, most often: label: missing"


def test_a_training_history_is_drawn_with_its_best_epoch(night: NightDocuments) -> None:
    """Two lines over the epochs, and a mark where the validation loss is least."""
    data = tabulate_history(night.histories["cnn"])
    ax = charts.plot_training_history(data, "loss", "cnn")
    training, validation, best = ax.get_lines()
    assert training.get_xdata().tolist() == [1, 2, 3]
    assert training.get_ydata().tolist() == [1.0, 0.5, 0.2]
    assert validation.get_ydata().tolist() == [1.1, 0.6, 0.9]
    assert list(best.get_xdata()) == [2, 2]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss (cross-entropy, nats)")
    assert get_title(ax) == "cnn: overfits after epoch 2 of 3"


def test_what_comes_after_the_best_epoch_is_shaded_where_the_network_overfits(
    night: NightDocuments, forecast_night: NightDocuments
) -> None:
    """From the epoch at which validation turns up to the last one; nothing where it still falls."""
    data = tabulate_history(night.histories["cnn"])
    ax = charts.plot_training_history(data, "accuracy", "cnn")
    (shade,) = ax.patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (2, 3)
    assert get_legend(ax) == ["training", "validation", "best epoch (2)", "overfitting"]
    data = tabulate_history(forecast_night.histories["lstm"])
    assert not charts.plot_training_history(data, "loss", "lstm").patches


def test_errors_over_the_epochs_say_their_unit(forecast_night: NightDocuments) -> None:
    """Networks of numbers learn standardised values: 0.35 on validation, 0.15 in training."""
    data = tabulate_history(forecast_night.histories["lstm"])
    ax = charts.plot_training_history(data, "mae", "lstm")
    assert ax.get_ylabel() == "MAE (standardised)"
    assert ax.get_lines()[1].get_ydata().tolist() == [0.5, 0.4, 0.35]
    assert get_title(ax) == "lstm: 0.350 validation MAE at the best epoch, 0.200 above training"
    loss = charts.plot_training_history(data, "loss", "lstm")
    assert loss.get_ylabel() == "loss (MSE, standardised)"


def test_accuracy_is_titled_with_its_value_at_the_best_epoch(night: NightDocuments) -> None:
    """At the second epoch the validation accuracy is 1 - 0.6 / 2."""
    data = tabulate_history(night.histories["cnn"])
    title = get_title(charts.plot_training_history(data, "accuracy", "cnn"))
    # Training has 1 - 0.5 / 2 there.
    said = "cnn: 70.0 % validation accuracy at the best epoch, 5.0 points below training"
    assert title == said.replace(" %", "\N{NO-BREAK SPACE}%")


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ([3, 2, 1], "still improves in the last of 3 epochs"),
        ([3, 1, 2, 3, 4], "overfits after epoch 2 of 5"),
        ([3, 1, 1.1, 1.3, 1.1], "validation loss levels off at epoch 2 of 5"),
    ],
)
def test_the_course_of_training_is_named(losses: list[float], message: str) -> None:
    """Improving, levelled off and overfitted networks are told apart."""
    data = pd.DataFrame(
        {
            "epoch": range(1, len(losses) + 1),
            "part": "validation",
            "measure": "loss",
            "value": losses,
        }
    )
    assert get_title(charts.plot_training_history(data, "loss", "m")) == f"m: {message}"


def test_training_without_validation_rows_is_drawn(night: NightDocuments) -> None:
    """One line, no best epoch."""
    data = tabulate_history(night.histories["cnn"])
    ax = charts.plot_training_history(data[data["part"] == "training"], "accuracy", "cnn")
    assert len(ax.get_lines()) == 1
    assert "training accuracy at the last epoch" in get_title(ax)


def test_scores_are_ordered_with_their_intervals(night: NightDocuments) -> None:
    """Best on top, in per cent, each on its 95 % interval."""
    ax = charts.plot_scores(documents.tabulate_scores(night.scores or {}), "accuracy", 100)
    bars, dots = ax.get_lines()[0::2], ax.get_lines()[1::2]
    assert [dot.get_xdata()[0] for dot in dots] == pytest.approx([97, 95, 93, 90])
    assert list(bars[0].get_xdata()) == pytest.approx([95, 99])
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["cnn (challenger)", "champion (version 3)", "mlp", "logistic_regression"]
    assert ax.get_xlabel() == "accuracy (%) on the same 100 hold-out rows"
    assert get_title(ax) == (
        "cnn (challenger) leads with 97.0 %, ahead of champion (version 3) with 95.0 %"
    ).replace(" %", "\N{NO-BREAK SPACE}%")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0.9, 0.9, 0.8), "a and b share the lead with 90.0 %, ahead of c with 80.0 %"),
        ((0.9, 0.8, 0.9), "a and c share the lead with 90.0 %"),
        ((0.8, 0.9, 0.7), "b leads with 90.0 %, ahead of c with 70.0 %"),
    ],
)
def test_a_shared_lead_is_called_shared(values: tuple[float, ...], message: str) -> None:
    """Nobody is said to be ahead of an equal."""
    data = pd.DataFrame(
        {
            "model": ["a", "b", "c"],
            "role": ["challenger", "candidate", "baseline"],
            "label": ["a", "b", "c"],
            "value": values,
            "low": float("nan"),
            "high": float("nan"),
        }
    )
    title = get_title(charts.plot_scores(data, "accuracy", 10))
    assert title == message.replace(" %", "\N{NO-BREAK SPACE}%")


def test_a_model_without_an_interval_or_a_score_is_still_listed() -> None:
    """A diverged network has no dot, and nothing fails."""
    data = pd.DataFrame(
        {
            "model": ["a", "b"],
            "role": ["challenger", "baseline"],
            "label": ["a", "b"],
            "value": [0.8, float("nan")],
            "low": [float("nan")] * 2,
            "high": [float("nan")] * 2,
        }
    )
    ax = charts.plot_scores(data, "macro_f1", 10)
    assert len(ax.get_lines()) == 2
    assert ax.get_xlabel() == "macro F1 on the same 10 hold-out rows"


def test_confusion_shows_counts_coloured_by_row(night: NightDocuments) -> None:
    """Of 30 bees 28 are right: the cell says 28 and is coloured 28 / 30; empty cells are empty."""
    data = documents.tabulate_confusion(night.scores or {}, "cnn")
    ax = charts.plot_confusion(data, "cnn")
    shares = ax.collections[0].get_array().reshape(3, 3)
    assert float(shares[1, 1]) == pytest.approx(28 / 30)
    assert np.ma.getmaskarray(shares).tolist() == [
        [False, True, True],
        [False, False, True],
        [False, True, False],
    ]
    assert [t.get_text() for t in ax.texts] == ["40", "2", "28", "1", "29"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["ant", "bee", "cow"]
    assert get_title(ax) == (
        "cnn has 3 of 100 hold-out rows wrong, most often bee taken for ant (2 times)"
    )


def test_confusion_of_many_classes_shows_the_most_confused() -> None:
    """Of 60 classes 40 are shown, the confused pair among them."""
    n = 60
    counts = np.eye(n, dtype=int) * 5
    counts[50, 55] = 3
    data = pd.DataFrame(
        [(i, j, counts[i, j]) for i in range(n) for j in range(n)],
        columns=["true", "predicted", "n_rows"],
    )
    ax = charts.plot_confusion(data, "m")
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert len(labels) == 40
    assert {"50", "55"} <= set(labels)
    assert "40 most confused of 60 classes" in ax.get_xlabel()


def make_map(n_rows: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "class": np.resize(["ant", "bee", "cow"], n_rows),
            "cluster": np.resize([0, 1], n_rows),
            "pc1": rng.normal(size=n_rows),
            "pc2": rng.normal(size=n_rows),
        }
    )


def get_points(ax: Axes) -> np.ndarray:
    return np.concatenate([c.get_offsets() for c in ax.collections])


@pytest.mark.parametrize(
    ("by", "n_groups", "what"),
    [("class", 3, "The 3 classes"), ("cluster", 2, "The 2 clusters"), (None, 1, "30 rows")],
)
def test_the_map_holds_every_point_once(by: str | None, n_groups: int, what: str) -> None:
    """A group is a colour with its name on it, and all 30 points are drawn."""
    data = make_map()
    ax = charts.plot_map(data, by, (0.5, 0.3))
    assert len(ax.collections) == n_groups
    np.testing.assert_allclose(sorted(get_points(ax)[:, 0]), sorted(data["pc1"]))
    assert ax.get_xlabel() == "component 1 (50.0\N{NO-BREAK SPACE}% of the variance)"
    assert [t.get_text() for t in ax.texts] == (
        [] if by is None else [str(g) for g in sorted(set(data[by]))]
    )
    assert get_title(ax) == (
        f"{what} on the first two components, which hold 80.0\N{NO-BREAK SPACE}% of the variance"
    )


def test_a_map_of_many_groups_names_the_largest() -> None:
    """Twenty of 25 have a colour; the others are drawn, grey and without a name."""
    data = make_map(100)
    data["class"] = [f"c{i % 25:02}" if i < 90 else "c00" for i in range(100)]
    ax = charts.plot_map(data, "class")
    assert len(ax.texts) == 20
    assert len(get_points(ax)) == 100
    assert get_title(ax) == "The 25 classes on the first two components"


def test_explained_variance_rises_to_its_sum() -> None:
    """0.5, then 0.8, then 0.95 together, in per cent."""
    ax = charts.plot_explained_variance(
        tabulate_variance({"explained_variance_ratio": [0.5, 0.3, 0.15]})
    )
    assert ax.get_lines()[0].get_ydata().tolist() == pytest.approx([50, 80, 95])
    assert [bar.get_height() for bar in ax.containers[0]] == pytest.approx([50, 30, 15])
    assert ax.get_ylabel() == "share of the variance (%)"
    assert get_title(ax).startswith("3 components of 3 hold 90.0")


@pytest.mark.parametrize(
    ("ratio", "title"),
    [
        ([0.2, 0.1], "2 components hold 30.0 % of the variance"),
        ([1.0], "1 component holds 100 % of the variance"),
        ([0.95, 0.05], "1 component of 2 holds 90.0 % of the variance, all 100 %"),
        (
            [0.333333, 0.333333, 0.333333],
            "3 components of 3 hold 90.0 % of the variance, all 100 %",
        ),
    ],
)
def test_the_curve_is_titled_with_what_it_takes(ratio: list[float], title: str) -> None:
    """How many components hold nine tenths, or how much all of them hold."""
    data = tabulate_variance({"explained_variance_ratio": ratio})
    found = get_title(charts.plot_explained_variance(data))
    assert found == title.replace(" %", "\N{NO-BREAK SPACE}%")


def make_loadings(correlations: list[list[float]]) -> pd.DataFrame:
    """One list per component."""
    return pd.DataFrame(
        [
            {"component": k, "input": f"c{i}", "label": f"input {i}", "correlation": r}
            for k, row in enumerate(correlations, start=1)
            for i, r in enumerate(row)
        ]
    )


def get_cells(ax: Axes) -> np.ndarray:
    return np.asarray(ax.collections[0].get_array())


def test_loadings_stand_beside_the_component_that_they_follow() -> None:
    """Followers of component 1 first, the closest on top; the cells are the correlations."""
    ax = charts.plot_loadings(make_loadings([[0.1, -0.6, 0.9], [0.8, 0.2, 0.0]]))
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels == ["input 2", "input 1", "input 0"]
    assert get_cells(ax).reshape(3, 2).tolist() == [[0.9, 0.0], [-0.6, 0.2], [0.1, 0.8]]
    minus = "\N{MINUS SIGN}"
    assert [t.get_text() for t in ax.texts] == [
        "+0.90", "", f"{minus}0.60", "+0.20", "+0.10", "+0.80",
    ]  # fmt: skip
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2"]
    assert get_title(ax) == "Component 1 follows input 2 most closely"


def test_many_loadings_are_cut_to_what_can_be_read() -> None:
    """The 20 closest inputs of 50, the first 6 components of 12; two may have the same name."""
    rng = np.random.default_rng(1)
    data = make_loadings(rng.uniform(-1, 1, (12, 50)).tolist()).assign(label="alike")
    ax = charts.plot_loadings(data)
    assert get_cells(ax).size == 20 * 6
    assert ax.get_ylabel() == "the 20 closest of 50 inputs"


def test_a_long_name_keeps_its_beginning_and_its_end() -> None:
    """The categories of one column differ at their end."""
    data = make_loadings([[0.9]]).assign(label="native_country is Dominican-Republic")
    (label,) = charts.plot_loadings(data).get_yticklabels()
    assert label.get_text() == "native_cou…an-Republic"


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4])
def test_components_of_images_are_pictures_about_a_middle(n_channels: int) -> None:
    """A weight of 0 is in the middle of the scale, the greatest at its end, whatever the channels."""
    images = np.zeros((2, 2, 2, n_channels))
    images[0, 0, 0] = 3.0
    images[1, 0, 0] = -0.001
    data = tabulate_variance({"explained_variance_ratio": [0.5, 0.25]})
    ax = charts.plot_component_images(data, images)
    first, second = (np.asarray(image.get_array()) for image in ax.images)
    assert np.unique(first).tolist() == [0.5, 1.0]
    assert np.unique(second).tolist() == [0.0, 0.5]
    words = [t.get_text().replace("\N{NO-BREAK SPACE}", " ") for t in ax.texts]
    assert words == ["component 1", "50.0 %", "component 2", "25.0 %"]
    assert get_title(ax).startswith("2 components hold 75.0")


def test_of_many_components_eight_are_pictures() -> None:
    """The title says how many there are, and how much the eight hold."""
    images = np.random.default_rng(1).normal(size=(12, 3, 3, 1))
    data = tabulate_variance({"explained_variance_ratio": [0.05] * 12})
    ax = charts.plot_component_images(data, images)
    assert len(ax.images) == 8
    assert get_title(ax) == (
        "The first 8 of 12 components hold 40.0\N{NO-BREAK SPACE}% of the variance"
    )


def test_mistakes_are_pictures_with_their_words(night: NightDocuments) -> None:
    """One picture per row, from its least to its greatest value."""
    mistakes = night.mistakes
    assert mistakes is not None
    assert mistakes.images is not None
    ax = charts.plot_mistakes(mistakes.rows, mistakes.images, "cnn", mistakes.n_wrong)
    shown = ax.images[0].get_array()
    assert (shown.min(), shown.max()) == (0, 1)
    words = [t.get_text().replace("\N{NO-BREAK SPACE}", " ") for t in ax.texts]
    assert words == ["is bee", "said ant, 90.0 %", "is cow", "said ant, 60.0 %"]
    title = get_title(ax)
    assert title == "cnn gets 3 hold-out images wrong, these 2 with the most confidence"


def test_a_chart_draws_into_the_callers_axes(night: NightDocuments) -> None:
    """The axes given are the axes returned."""
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    data = documents.tabulate_rows(night.cleaning_report or {})
    assert charts.plot_row_account(data, ax=ax) is ax


def test_a_whole_night_has_all_its_charts(night: NightDocuments) -> None:
    """Names are unique and every chart has words, data and a section."""
    drawn = list(draw_charts(night))
    assert [chart.name for chart in drawn] == [
        "scores",
        "mistakes",
        "confusion",
        "training_history_cnn_loss",
        "training_history_cnn_accuracy",
        "rows",
        "classes",
        "quarantine",
        "explained_variance",
        "components",
        "map_by_class",
    ]
    assert {chart.section for chart in drawn} == {"scores", "training", "data", "pca"}
    for chart in drawn:
        assert chart.title
        assert chart.caption
        assert chart.alt
        assert len(chart.data)


def test_a_night_of_forecasts_has_its_own_charts(forecast_night: NightDocuments) -> None:
    """Errors by step and windows of the series; each stands with the step that it comes from."""
    drawn = list(draw_charts(forecast_night))
    assert [(chart.name, chart.section, chart.source) for chart in drawn] == [
        ("scores", "scores", "scores"),
        ("horizon", "scores", "scores"),
        ("forecasts", "scores", "scores"),
        ("training_history_lstm_loss", "training", "history.lstm"),
        ("training_history_lstm_mae", "training", "history.lstm"),
        ("learning_curve", "training", "learning_curve"),
        ("importance", "interpretation", "interpretation"),
    ]
    for chart in drawn:
        assert chart.title
        assert chart.caption
        assert chart.alt
        assert len(chart.data)


def test_a_night_of_numbers_has_its_own_charts(number_night: NightDocuments) -> None:
    """Predicted against true numbers and the errors; without a sample nothing is said of one."""
    drawn = {chart.name: chart for chart in draw_charts(number_night)}
    assert list(drawn) == ["scores", "predicted", "errors", "importance"]
    assert "evenly spaced" not in drawn["predicted"].caption
    assert drawn["errors"].data.columns.tolist() == ["id", "predicted", "baseline"]


def test_a_sample_of_the_hold_out_is_called_one(number_night: NightDocuments) -> None:
    """200 rows of 9,000 stand for all."""
    assert number_night.numbers is not None
    sampled = replace(number_night.numbers, n_rows=9000)
    drawn = {c.name: c for c in draw_charts(replace(number_night, numbers=sampled))}
    assert drawn["predicted"].caption.endswith("200 of 9,000 rows, evenly spaced.")


def test_pictures_of_the_interpretation_are_drawn(saliency: Explained) -> None:
    """The CSV lists them in the order of the gallery."""
    (chart,) = draw_charts(NightDocuments(explained=saliency))
    assert (chart.name, chart.section) == ("saliency", "interpretation")
    assert chart.data["id"].tolist() == ["r1", "r2", "r0"]
    assert "1 of them wrong" in chart.alt


@pytest.mark.parametrize("points", [[], [{"n_rows": 10, "train": 0.5, "validation": 0.5}]])
def test_one_amount_of_data_is_no_curve(points: list[dict[str, float]]) -> None:
    """A curve needs two points."""
    curve = {"challenger": "m", "measure": "mae", "points": points}
    assert list(draw_charts(NightDocuments(learning_curve=curve))) == []


def test_an_empty_night_has_no_charts() -> None:
    """What a night did not make is left out."""
    assert list(draw_charts(NightDocuments())) == []


def test_hostile_names_are_drawn_as_text(hostile_night: NightDocuments) -> None:
    """Markup, TeX and a name of 300 letters neither fail nor push the chart aside."""
    from tasks.reporting.figures import freeze_layout

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for chart in draw_charts(hostile_night):
            freeze_layout(chart.figure)
            for ax in chart.figure.axes:
                assert ax.get_position().width > 0.25
