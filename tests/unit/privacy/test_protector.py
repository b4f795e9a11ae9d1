"""The protector: what becomes of rows, of lines that do not parse, and of rows that few share."""

from __future__ import annotations

import hmac
import json
import logging
import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from tasks.dataset import array_to_tensor_column
from tasks.dataset.columns import QUARANTINE_SCHEMA
from tasks.errors import PrivacyError
from tasks.privacy import Protector
from tasks.privacy.keys import read_keyring
from tasks.privacy.tokens import TokenCipher, is_token
from tasks.workflow import Workflow

Make = Callable[..., Workflow]


def raw(**columns: list[Any]) -> pa.RecordBatch:
    """Rows of a raw dataset."""
    n_rows = len(next(iter(columns.values())))
    own = {
        "id": [f"r{i}" for i in range(n_rows)],
        "source": ["people.csv"] * n_rows,
        "line": list(range(2, n_rows + 2)),
    }
    return pa.RecordBatch.from_pydict({**own, **columns})


def test_every_method_in_one_pass(make_workflow: Make, environ: dict[str, str]) -> None:
    """Names and row count stay, changed columns are text, dropped ones are gone, missing is missing."""
    workflow = make_workflow(
        {"drop": {"columns": ["phone"]}},
        {"pseudonymise": {"columns": ["customer"]}},
        {"mask": {"columns": ["email"], "keep": "domain"}},
        {"generalise": {"columns": ["age"], "width": 10}},
        {"generalise": {"columns": ["born"], "period": "year"}},
        {"generalise": {"columns": ["zip"], "length": 2}},
        {"encrypt": {"columns": ["name"]}},
    )
    rows = pa.RecordBatch.from_pydict(
        {
            "customer": [7, None],
            "age": [37.0, math.nan],
            "zip": ["12345", ""],
            "town": ["Rome", None],
            "back": [1, 0],
            "name": [" Zoe\u0308 ", None],
            "email": ["zoe@example.org", None],
            "born": pa.array(["1978-05-17", None]).cast(pa.date32()),
            "phone": ["555", "556"],
            "unnamed": [1, 2],
        }
    )
    protector = Protector(workflow, environ)
    made = protector.protect(rows)
    assert made.schema.names == [n for n in rows.schema.names if n != "phone"]
    assert not protector.needs_second_pass
    document = made.to_pydict()
    token = document.pop("name")[0]
    key = bytes(range(32))
    assert document == {
        "customer": [hmac.digest(key, b"7", "sha256").hex()[:32], None],
        "age": ["30", None],
        "zip": ["12***", None],
        "town": ["Rome", None],
        "back": [1, 0],
        "email": ["***@example.org", None],
        "born": ["1978-01-01", None],
        "unnamed": [1, 2],
    }
    keyring = read_keyring(environ)
    assert keyring is not None
    # Encrypted to the letter: it is to be read again.
    assert TokenCipher(keyring, "people").decrypt(token, "name", where="") == " Zoe\u0308 "
    for name in ("customer", "age", "zip", "email", "born", "name"):
        assert made.schema.field(name).type == pa.string()


def test_types_of_columns_do_not_depend_on_the_batch(
    make_workflow: Make, environ: dict[str, str]
) -> None:
    """A batch of nothing but missing values, or none at all, has the same schema."""
    workflow = make_workflow(
        {"generalise": {"columns": ["age"], "width": 10}},
        {"generalise": {"columns": ["born"], "period": "month"}},
        {"generalise": {"columns": ["town"], "min_rows": 2}},
        {"encrypt": {"columns": ["name"]}},
        {"mask": {"columns": ["email"]}},
    )
    protector = Protector(workflow, environ)
    names = ["age", "born", "town", "name", "email"]
    expected = pa.schema([(name, pa.string()) for name in names])
    for values in ([None, None], []):
        rows = pa.RecordBatch.from_pydict({n: pa.array(values, pa.null()) for n in names})
        assert protector.protect(rows).schema == expected
    coded = pa.RecordBatch.from_pydict({n: pa.array(["1"]).dictionary_encode() for n in names})
    assert protector.protect(coded).schema == expected


def test_a_column_that_stands_twice_is_protected_twice(make_workflow: Make) -> None:
    """The source is refused later; until then nothing may slip through."""
    rows = pa.RecordBatch.from_arrays([pa.array(["Ada"]), pa.array(["Bob"])], ["name", "name"])
    made = Protector(make_workflow({"mask": {"columns": ["name"]}}), {}).protect(rows)
    assert [column.to_pylist() for column in made.columns] == [["***"], ["***"]]


def test_values_that_are_lost_are_counted(make_workflow: Make) -> None:
    """By column and what happened, without the value."""
    protector = Protector(make_workflow({"generalise": {"columns": ["age"], "width": 10}}), {})
    protector.protect(pa.RecordBatch.from_pydict({"age": ["37", "Ada", None, "?"]}))
    assert protector.changes == {("age", "no number, set missing"): 2}


@pytest.mark.parametrize(
    ("step", "column", "message"),
    [
        ({"generalise": {"columns": ["born"], "width": 1}}, pa.array([0], pa.date32()), "by 'width', has the type date32"),
        ({"generalise": {"columns": ["born"], "period": "year"}}, pa.array([1978]), "by 'period', has the type int64"),
        ({"mask": {"columns": ["born"]}}, pa.array([b"\xff\xfe"]), "'born' has the type binary"),
        ({"generalise": {"columns": ["born"], "width": 1}}, pa.array([["Ada"]]), "'born' has the type list"),
    ],
)  # fmt: skip
def test_columns_of_the_wrong_type_are_refused_without_a_value(
    make_workflow: Make, step: dict[str, Any], column: pa.Array, message: str
) -> None:
    """The error names column and type."""
    protector = Protector(make_workflow(step), {})
    with pytest.raises(PrivacyError, match=message) as caught:
        protector.protect(pa.RecordBatch.from_arrays([column], ["born"]))
    assert "1978" not in str(caught.value)
    assert "Ada" not in str(caught.value)


def test_keys_are_missed_at_once(make_workflow: Make) -> None:
    """Before the first row is read, and only where a step needs them."""
    with pytest.raises(
        PrivacyError, match=r"'pseudonymise' in the workflow 'people'.*PSEUDONYM_KEY"
    ):
        Protector(make_workflow({"pseudonymise": {"columns": ["customer"]}}), {})
    with pytest.raises(PrivacyError, match=r"'encrypt' in the workflow 'people'.*ENCRYPTION_KEYS"):
        Protector(make_workflow({"encrypt": {"columns": ["name"]}}), {})
    Protector(make_workflow({"mask": {"columns": ["name"]}}), {})
    Protector(make_workflow(), {"NOCTURNE_ENCRYPTION_KEYS": "nonsense of another tool"})


def test_keys_come_from_the_process_by_default(
    make_workflow: Make, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow's tasks get them as environment variables."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    made = Protector(make_workflow({"encrypt": {"columns": ["name"]}})).protect_text("Ada")
    assert is_token(made)


def test_lines_that_do_not_parse_are_withheld(make_workflow: Make, environ: dict[str, str]) -> None:
    """Which of their values are personal nobody knows."""
    line = "7,Ada,37,one value too many"
    masked = make_workflow({"mask": {"columns": ["name"]}})
    assert Protector(make_workflow(), {}).protect_text(line) == line
    withheld = "withheld (27 characters): the workflow protects columns"
    assert Protector(masked, {}).protect_text(line) == withheld
    token = Protector(masked, environ).protect_text(line)
    keyring = read_keyring(environ)
    assert keyring is not None
    assert TokenCipher(keyring, "people").decrypt(token, "text", where="") == line


def test_rare_categories_are_merged_over_all_rows(make_workflow: Make) -> None:
    """Counted over batches; missing is no category; numbers are categories too."""
    workflow = make_workflow(
        {"generalise": {"columns": ["town"], "min_rows": 2}},
        {"generalise": {"columns": ["zip"], "min_rows": 3}},
    )
    protector = Protector(workflow, {})
    batches = [
        protector.protect(raw(town=["Rome", "Alba", None], zip=[1, 2, 2], age=[1, 2, 3])),
        protector.protect(raw(town=[" Rome", "Cumae", ""], zip=[1, 1, None], age=[4, 5, 6])),
    ]
    assert protector.needs_second_pass
    for batch in batches:
        protector.count(batch)
    kept, suppressed = zip(*(protector.release(batch) for batch in batches), strict=True)
    table = pa.Table.from_batches(kept)
    assert table["town"].to_pylist() == ["Rome", "other", None, "Rome", "other", None]
    assert table["zip"].to_pylist() == ["1", "other", "other", "1", "1", None]
    assert table["age"].to_pylist() == [1, 2, 3, 4, 5, 6]
    assert table.schema.names == batches[0].schema.names
    assert [s.num_rows for s in suppressed] == [0, 0]
    assert suppressed[0].schema == QUARANTINE_SCHEMA


def test_rows_that_too_few_share_go_to_quarantine_without_what_shows_them(
    make_workflow: Make,
) -> None:
    """By id, source and line; the reason names the columns and not the values."""
    workflow = make_workflow(
        {"generalise": {"columns": ["age"], "width": 10}},
        {"k_anonymity": {"columns": ["age", "zip"], "k": 2}},
    )
    protector = Protector(workflow, {})
    rows = protector.protect(
        raw(
            age=[31, 38, 77, None, None],
            zip=["1", "1", "1", "2", "2"],
            town=["Rome", None, "Alba", "Rome", "Rome"],
            back=[0.0, 1.0, math.inf, 1.0, 0.0],
        )
    )
    protector.count(rows)
    kept, suppressed = protector.release(rows)
    assert kept.column("id").to_pylist() == ["r0", "r1", "r3", "r4"]
    assert suppressed.to_pylist() == [
        {
            "id": "r2",
            "source": "people.csv",
            "line": 4,
            "reason": "shares (age, zip) with fewer than 2 rows",
            "row": json.dumps({"town": "Alba", "back": "inf"}),
        }
    ]
    assert protector.changes == {("age, zip", "suppressed"): 1}


def test_two_rules_give_each_row_its_reason(make_workflow: Make) -> None:
    """The columns of both are left out of the quarantine."""
    workflow = make_workflow(
        {"k_anonymity": {"columns": ["age"], "k": 2}},
        {"k_anonymity": {"columns": ["zip"], "k": 3}},
    )
    protector = Protector(workflow, {})
    rows = raw(age=[1, 1, 1, 2, 3, 3], zip=["a", "a", "a", "a", "b", "b"])
    protector.count(rows)
    kept, suppressed = protector.release(rows)
    assert kept.column("id").to_pylist() == ["r0", "r1", "r2"]
    assert suppressed.column("reason").to_pylist() == [
        "shares (age) with fewer than 2 rows",
        "shares (zip) with fewer than 3 rows",
        "shares (zip) with fewer than 3 rows",
    ]
    assert set(suppressed.column("row").to_pylist()) == {"{}"}


def test_merging_comes_before_counting_combinations(make_workflow: Make) -> None:
    """Two rare towns are one `other`, which two rows share."""
    workflow = make_workflow(
        {"generalise": {"columns": ["town"], "min_rows": 2}},
        {"k_anonymity": {"columns": ["town"], "k": 2}},
    )
    protector = Protector(workflow, {})
    rows = raw(town=["Rome", "Rome", "Alba", "Cumae"])
    protector.count(rows)
    kept, suppressed = protector.release(rows)
    assert kept.column("town").to_pylist() == ["Rome", "Rome", "other", "other"]
    assert suppressed.num_rows == 0


def test_the_night_stops_without_a_value(make_workflow: Make) -> None:
    """`action: stop` tells how many rows and combinations."""
    workflow = make_workflow({"k_anonymity": {"columns": ["town"], "k": 2, "action": "stop"}})
    protector = Protector(workflow, {})
    rows = raw(town=["Rome", "Rome", "Alba"])
    protector.count(rows)
    with pytest.raises(PrivacyError, match=r"1 of 3 rows share their .town. with") as caught:
        protector.release(rows)
    assert "Alba" not in str(caught.value)


def test_tensors_are_left_out_of_suppressed_rows(make_workflow: Make) -> None:
    """As everywhere in the quarantine."""
    import numpy as np

    protector = Protector(make_workflow({"k_anonymity": {"columns": ["town"], "k": 2}}), {})
    rows = raw(town=["Rome"]).append_column(
        "image", array_to_tensor_column(np.zeros((1, 2, 2, 1), np.uint8))
    )
    protector.count(rows)
    assert protector.release(rows)[1].column("row").to_pylist() == ["{}"]


def test_rows_that_were_not_counted_are_not_released(make_workflow: Make) -> None:
    """A mistake in the order must not let a row pass."""
    protector = Protector(make_workflow({"k_anonymity": {"columns": ["town"], "k": 2}}), {})
    rows = raw(town=["Rome", "Rome"])
    with pytest.raises(PrivacyError, match="before they were counted"):
        protector.release(rows)
    protector.count(rows)
    assert protector.release(raw(town=["Alba"] * 5))[0].num_rows == 0
    with pytest.raises(PrivacyError, match="after others had been released"):
        protector.count(rows)
    with pytest.raises(PrivacyError, match="no column 'town'"):
        protector.release(raw(twon=["Rome"]))


def test_nothing_is_logged(
    make_workflow: Make, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither keys nor values, at any level."""
    workflow = make_workflow(
        {"pseudonymise": {"columns": ["customer"]}}, {"encrypt": {"columns": ["name"]}}
    )
    with caplog.at_level(logging.DEBUG):
        protector = Protector(workflow, environ)
        protector.protect(pa.RecordBatch.from_pydict({"customer": ["Ada"], "name": ["Ada"]}))
    assert caplog.text == ""
