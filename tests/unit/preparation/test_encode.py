"""Categories as numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

from tasks.errors import CleaningError
from tasks.preparation.transformers import transformer_from_json
from tasks.preparation.transformers.encode import OneHotEncode, OrdinalEncode, TargetEncode

NAN = float("nan")


def text(*values):
    return pa.array(values, pa.string())


def same(column, expected):
    return np.array_equal(column, expected, equal_nan=True)


def test_one_hot_stands_in_the_place_of_the_column_in_the_order_of_the_categories():
    """A missing text is missing in every column made of it."""
    frame = {"a": np.zeros(4), "town": text("b", "a", None, "b"), "z": np.ones(4)}
    out = OneHotEncode(["town"]).fit(frame).transform(frame).frame
    assert list(out) == ["a", "town_a", "town_b", "z"]
    assert same(out["town_a"], [0, 1, NAN, 0])
    assert same(out["town_b"], [1, 0, NAN, 1])


def test_rare_and_unknown_categories_share_a_column_if_training_had_rare_ones():
    """Known answer: scikit-learn's handle_unknown="infrequent_if_exist"."""
    train = ["a", "a", "b", "c", "b", "a"]
    new = ["a", "b", "c", "unknown"]
    theirs = OneHotEncoder(
        min_frequency=2, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    expected = theirs.fit(np.array(train).reshape(-1, 1)).transform(np.array(new).reshape(-1, 1))
    encode = OneHotEncode(["t"], min_rows=2).fit({"t": text(*train)})
    out = encode.transform({"t": text(*new)})
    assert list(out.frame) == ["t_a", "t_b", "t_other"]
    assert np.array_equal(np.column_stack(list(out.frame.values())), expected)
    assert dict(out.changes) == {("t", "category counted as other"): 2}


def test_an_unknown_category_is_zero_everywhere_if_training_had_no_rare_ones():
    """The columns of the output are those of training."""
    out = OneHotEncode(["t"]).fit({"t": text("a", "b")}).transform({"t": text("c")}).frame
    assert {name: column.tolist() for name, column in out.items()} == {"t_a": [0.0], "t_b": [0.0]}


def test_all_categories_may_be_rare():
    """One column is left."""
    out = OneHotEncode(["t"], min_rows=2).fit({"t": text("a", "b")}).transform({"t": text("a")})
    assert {n: c.tolist() for n, c in out.frame.items()} == {"t_other": [1.0]}


@pytest.mark.parametrize(
    "frame",
    [
        {"t": text("a"), "t_a": np.zeros(1)},
        {"t": text("x_a"), "t_x": text("a")},
    ],
)
def test_one_hot_never_writes_over_a_column(frame):
    """Neither over one of the frame nor over another column's category."""
    with pytest.raises(CleaningError, match="t_a|t_x_a"):
        OneHotEncode([n for n in frame if n in ("t", "t_x")]).fit(frame)


def test_a_category_called_other_does_not_meet_the_rare_ones():
    """Two columns of one name are refused."""
    frame = {"t": text("other", "other", "rare")}
    with pytest.raises(CleaningError, match="t_other"):
        OneHotEncode(["t"], min_rows=2).fit(frame)


def test_too_many_categories_are_refused_with_the_way_out():
    """The error names how many there are, and other encodings."""
    frame = {"t": text(*(str(i) for i in range(11)))}
    with pytest.raises(CleaningError, match=r"11 categories(.|\n)*ordinal(.|\n)*min_rows"):
        OneHotEncode(["t"], max_categories=10).fit(frame)
    assert len(OneHotEncode(["t"], max_categories=11).fit(frame).categories_["t"]) == 11


@pytest.mark.parametrize("cls", [OneHotEncode, OrdinalEncode])
def test_a_column_without_a_training_value_is_refused(cls):
    """The error names it."""
    with pytest.raises(CleaningError, match="'t'"):
        cls(["t"]).fit({"t": text(None, None)})


@pytest.mark.parametrize("cls", [OneHotEncode, OrdinalEncode, TargetEncode])
def test_numbers_are_refused_and_misspelt_names_too(cls):
    """Encoding takes text."""
    with pytest.raises(CleaningError, match="holds numbers"):
        cls(["x"]).fit({"x": np.zeros(2)}, np.array([0.0, 1.0]))
    with pytest.raises(CleaningError, match="'town', perhaps"):
        cls(["twon"]).fit({"town": text("a")}, np.array([0.0]))


def test_ordinal_codes_follow_the_texts_and_others_are_minus_one():
    """Rare, unknown and missing: -1, -1 and missing."""
    frame = {"t": text("b", "a", "b", "a", "c")}
    out = OrdinalEncode(["t"], min_rows=2).fit(frame).transform({"t": text("a", "b", "c", "d", None)})
    assert same(out.frame["t"], [0, 1, -1, -1, NAN])
    assert dict(out.changes) == {("t", "category counted as other"): 2}


def test_a_given_order_holds_whatever_training_rows_have():
    """A category without a training row keeps its code."""
    encode = OrdinalEncode(["t"], order=["low", "mid", "high"], min_rows=5).fit({"t": text("low")})
    assert encode.transform({"t": text("high", "mid", "low")}).frame["t"].tolist() == [2, 1, 0]


def test_an_order_of_other_texts_is_refused():
    """Else every row would be -1."""
    with pytest.raises(CleaningError, match=r"'Low'(.|\n)*'high', perhaps"):
        OrdinalEncode(["t"], order=["low", "high"]).fit({"t": text("Low", "High")})


def make_targets(n_classes, n_rows=600, seed=0):
    rng = np.random.default_rng(seed)
    category = rng.integers(0, 12, n_rows)
    target = (category + rng.integers(0, 5, n_rows)) % n_classes
    return [f"c{i:02d}" for i in category], target.astype(float)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_target_means_are_those_of_scikit_learn(n_classes):
    """Known answer: TargetEncoder(smooth="auto"), fitted on all training rows."""
    categories, target = make_targets(n_classes)
    theirs = TargetEncoder(smooth="auto", random_state=0).fit(
        np.array(categories).reshape(-1, 1), target.astype(int)
    )
    encode = TargetEncode(["t"]).fit({"t": text(*categories)}, target)
    expected = np.array(theirs.encodings_)
    ours = np.array(encode.means_["t"]).T
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(encode.overall_, theirs.target_mean_, rtol=1e-12)


def test_two_classes_make_one_column_and_more_make_one_each():
    """In the place of the column."""
    categories, target = make_targets(2)
    frame = {"t": text(*categories), "x": np.zeros(600)}
    out = TargetEncode(["t"]).fit(frame, target).transform(frame).frame
    assert list(out) == ["t_target", "x"]
    categories, target = make_targets(3)
    frame = {"t": text(*categories), "x": np.zeros(600)}
    out = TargetEncode(["t"]).fit(frame, target).transform(frame).frame
    assert list(out) == ["t_target_0", "t_target_1", "t_target_2", "x"]


def test_training_rows_are_encoded_without_their_own_fold():
    """Each fold's rows get what a fit on the other folds says; the others get the whole fit."""
    categories, target = make_targets(2, n_rows=60)
    frame = {"t": text(*categories)}
    folds = np.arange(60) * 7
    encode = TargetEncode(["t"], n_folds=4).fit(frame, target, folds)
    out = encode.transform(frame, folds).frame["t_target"]
    for fold in range(4):
        is_in = folds % 4 == fold
        others = TargetEncode(["t"]).fit({"t": frame["t"].filter(pa.array(~is_in))}, target[~is_in])
        alone = others.transform({"t": frame["t"].filter(pa.array(is_in))}).frame["t_target"]
        np.testing.assert_allclose(out[is_in], alone, rtol=1e-12)
    whole = encode.transform(frame).frame["t_target"]
    assert not np.allclose(out, whole)
    assert same(encode.transform(frame, np.full(60, -1)).frame["t_target"], whole)


def test_a_rows_own_target_has_no_part_in_its_code():
    """With one row per category the plain mean would be the target itself."""
    n_rows = 40
    frame = {"t": text(*(str(i) for i in range(n_rows)))}
    target = (np.arange(n_rows) % 2).astype(float)
    folds = np.arange(n_rows)
    out = TargetEncode(["t"], n_folds=5).fit(frame, target, folds).transform(frame, folds)
    assert np.unique(out.frame["t_target"][target == 1]).tolist() == [0.5]


@pytest.mark.parametrize("value", ["rare", "unknown"])
def test_rare_and_unknown_categories_get_the_overall_mean(value):
    """The share of class 1 among all training rows."""
    frame = {"t": text("a", "a", "a", "rare")}
    encode = TargetEncode(["t"], min_rows=2).fit(frame, np.array([1.0, 0, 0, 0]))
    assert encode.transform({"t": text(value)}).frame["t_target"].tolist() == [0.25]


def test_a_missing_text_stays_missing_and_rows_without_a_target_do_not_count():
    """Missing in, missing out."""
    frame = {"t": text("a", "a", "b", None, "a")}
    encode = TargetEncode(["t"]).fit(frame, np.array([1.0, 1, 0, 1, NAN]))
    assert encode.overall_ == [0.75]
    assert np.isnan(encode.transform({"t": text(None)}).frame["t_target"]).all()


def test_all_rows_in_one_fold_get_the_overall_mean():
    """There is no other fold to learn from."""
    frame = {"t": text("a", "b")}
    encode = TargetEncode(["t"]).fit(frame, np.array([0.0, 1.0]), np.array([5, 5]))
    assert encode.transform(frame, np.array([5, 5])).frame["t_target"].tolist() == [0.5, 0.5]


def test_a_target_of_several_classes_is_needed():
    """Without one, or with one class only, there is nothing to encode by."""
    frame = {"t": text("a", "b")}
    with pytest.raises(CleaningError, match="there is none"):
        TargetEncode(["t"]).fit(frame)
    with pytest.raises(CleaningError, match="same class"):
        TargetEncode(["t"]).fit(frame, np.array([1.0, 1.0]))
    with pytest.raises(CleaningError, match="same class"):
        TargetEncode(["t"]).fit(frame, np.array([NAN, NAN]))


def test_a_target_column_never_writes_over_another():
    """Refused when fitting."""
    frame = {"t": text("a", "b"), "t_target": np.zeros(2)}
    with pytest.raises(CleaningError, match="t_target"):
        TargetEncode(["t"]).fit(frame, np.array([0.0, 1.0]))


def test_a_loaded_encoder_refuses_to_cross_fit():
    """The figures by fold are not in the model: encoding training rows with the others would leak."""
    frame = {"t": text("a", "b")}
    encode = TargetEncode(["t"]).fit(frame, np.array([0.0, 1.0]), np.array([0, 1]))
    loaded = transformer_from_json(encode.to_json())
    with pytest.raises(CleaningError, match="loaded from a model"):
        loaded.transform(frame, np.array([0, 1]))


@pytest.mark.parametrize(
    "encode",
    [
        OneHotEncode(["t", "u"]),
        OneHotEncode(["t", "u"], min_rows=2),
        OrdinalEncode(["t", "u"]),
        OrdinalEncode(["t"], order=["c", "b", "a"]),
        TargetEncode(["t", "u"]),
        TargetEncode(["t"], min_rows=3),
    ],
)
def test_they_keep_a_transformers_manners(check_manners, encode):
    """JSON, batches, single rows, no row, inputs untouched."""
    frame = {
        "t": text("a", "b", None, "a", "c", "b", "a"),
        "x": np.array([1.0, NAN, 3, 4, 5, 6, 7]),
        "u": text("<script>", "é\x00", " ", "<script>", None, "x" * 1000, " "),
    }
    encode.fit(frame, np.array([0.0, 1, 2, 0, 1, 2, 1]), np.arange(7))
    check_manners(encode, frame)


def test_absent_columns_are_left_alone():
    """A model that predicts may have fewer columns."""
    for encode in (OneHotEncode(["t"]), OrdinalEncode(["t"])):
        encode.fit({"t": text("a")})
        assert list(encode.transform({"x": np.zeros(1)}).frame) == ["x"]
