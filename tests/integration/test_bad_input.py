"""Bad input through the real steps: it ends in a clear error or in quarantine, and nothing is lost.

How each reader and each cleaning step meets it alone is told by the unit tests; here is what a night
makes of it.
"""

from __future__ import annotations

import gzip
import io
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from walk_support import NOT_NULL, Walked, make_settings, walk, write_suite

from tasks.errors import NocturneError
from tasks.settings import Settings
from tasks.workflow import Workflow

pytestmark = pytest.mark.integration

HEADER = "code,kind,height\n"
N_GOOD = 30
EVIL = "<script>alert('x')</script> [red]&amp; \x1b[31m"
TOO_LONG = 10 * 1024 * 1024
CALENDAR = {"calendar": {"columns": ["seen"], "parts": ["year", "month", "day"]}}
MEDIAN = {"impute": {"columns": ["height"], "by": "median"}}


def make_workflow(**changes: Any) -> Workflow:
    return Workflow.model_validate(
        {
            "name": "plants",
            "description": "Test.",
            "source": {"kind": "files", "path": "*.csv"},
            "columns": {"id": "code", "target": "kind", "features": ["height"]},
            "expectations": {"raw": "plants_raw", "clean": "plants_clean"},
            "split": {"by": "hash", "validation": 0.0, "holdout": 0.3},
            **changes,
        }
    )


def from_parquet(path: str = "*.parquet") -> dict[str, Any]:
    return {"source": {"kind": "files", "path": path, "format": "parquet"}}


def list_rows(mark: str = "p", kinds: tuple[str, ...] = ("fern", "moss")) -> str:
    """Good rows of CSV, in lines of their own; their ids begin with the mark."""
    return "".join(f"{mark}{i},{kinds[i % len(kinds)]},{i}.5\n" for i in range(N_GOOD))


def csv_of(*lines: str | bytes, mark: str = "p", header: str = HEADER) -> bytes:
    """A CSV file of good rows and, behind them, from line 32 on, these."""
    behind = [line if isinstance(line, bytes) else line.encode() for line in lines]
    return (header + list_rows(mark)).encode() + b"\n".join(behind) + b"\n"


def parquet_of(first: int = 0, **columns: Any) -> bytes:
    """A Parquet file of good rows, in which some columns are others."""
    good: dict[str, Any] = {
        "code": [f"p{i}" for i in range(first, first + N_GOOD)],
        "kind": ["fern", "moss"] * (N_GOOD // 2),
        "height": [i + 0.5 for i in range(N_GOOD)],
    }
    table = {name: column for name, column in {**good, **columns}.items() if column is not None}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(table), sink)
    return bytes(sink.getvalue())


def png_of(height: int, width: int) -> bytes:
    """An image with something on it."""
    pixels = np.arange(height * width, dtype=np.uint8).reshape(height, width)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, _mlflow_template: Path) -> Settings:
    """One MLflow for all nights of this module, and suites that promise next to nothing."""
    made = make_settings(tmp_path_factory.mktemp("bad input"), _mlflow_template)
    write_suite(made, "plants_raw", [{**NOT_NULL, "kwargs": {"column": "kind"}}])
    write_suite(made, "plants_clean", [])
    return made


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@dataclass(frozen=True)
class Refused:
    """A night that stops: files, and what every error of it must name."""

    files: dict[str, bytes]
    told: tuple[str, ...]
    changes: dict[str, Any] = field(default_factory=dict)


REFUSED = {
    "empty file": Refused({"a.csv": b""}, ("a.csv is empty", "the names of the columns")),
    "empty file beside a good one": Refused(
        {"a.csv": csv_of(), "b.csv": b""}, ("b.csv is empty", "take it out of 'source.path'")
    ),
    "blank lines only": Refused({"a.csv": b"\n\r\n\n"}, ("a.csv is empty",)),
    "empty gzip": Refused({"a.csv.gz": b""}, ("a.csv.gz",), {"source": {"kind": "files", "path": "*.gz"}}),
    "empty Parquet": Refused({"a.parquet": b""}, ("a.parquet cannot be read", "whole and readable"), from_parquet()),
    "empty JSON Lines": Refused(
        {"a.jsonl": b""},
        ("holds no rows", "see 'source'"),
        {"source": {"kind": "files", "path": "*.jsonl", "format": "jsonl"}},
    ),
    "header only": Refused({"a.csv": HEADER.encode()}, ("The source of plants holds no rows", "see 'source'")),
    "no header": Refused({"a.csv": list_rows().encode()}, ("a.csv", "'source.names'")),
    "header that loses a column": Refused(
        {"a.csv": csv_of(), "b.csv": csv_of(header="code,kind,hieght\n")},
        ("b.csv", "no column 'height'", "'hieght', perhaps"),
    ),
    "header with a column twice": Refused(
        {"a.csv": csv_of(header="code,kind,height,height\n")}, ("a.csv", "'height' 2 times", "rename")
    ),
    "NUL byte in the header": Refused({"a.csv": b"code,kind,hei\0ght\n1,fern,2\n"}, ("a.csv", "a NUL byte")),
    "a header of 10 MB": Refused(
        {"a.csv": b"x" * TOO_LONG}, ("a.csv has no header", "more than 4,194,304 bytes")
    ),
    "JSON Lines without a key": Refused(
        {"a.jsonl": b'{"code": "p1", "kind": "fern", "hieght": 1}\n'},
        ("None of the objects", "no column 'height'", "'hieght', perhaps"),
        {"source": {"kind": "files", "path": "*.jsonl", "format": "jsonl"}},
    ),
    "images of another size only": Refused(
        {"fern/a.png": png_of(5, 5), "moss/a.png": png_of(3, 4)},
        ("holds no rows", "2 lines did not parse, the first: height x width 5 x 5", "4 x 6"),
        {
            "source": {"kind": "files", "path": "*/*.png", "format": "images"},
            "columns": {"target": "kind", "image": {"tensor": [4, 6, 1]}},
        },
    ),
    "truncated gzip": Refused(
        {"a.csv": csv_of(), "b.csv.gz": gzip.compress(csv_of())[:-20]},
        ("b.csv.gz cannot be read", "correct the file"),
        {"source": {"kind": "files", "path": "*.csv*"}},
    ),
    "damaged gzip": Refused(
        {"a.csv.gz": b"no gzip at all"},
        ("a.csv.gz cannot be read",),
        {"source": {"kind": "files", "path": "*.gz"}},
    ),
    "Parquet without a column": Refused(
        {"a.parquet": parquet_of(), "b.parquet": parquet_of(first=50, height=None)},
        ("b.parquet", "no column 'height'"),
        from_parquet(),
    ),
    "Parquet with another type": Refused(
        {"a.parquet": parquet_of(), "b.parquet": parquet_of(first=50, height=["tall"] * N_GOOD)},
        ("b.parquet", "'height' has the type string, and the first rows double", "one schema"),
        from_parquet(),
    ),
    "truncated Parquet": Refused({"a.parquet": parquet_of()[:-30]}, ("a.parquet cannot be read",), from_parquet()),
    "no value in a feature": Refused(
        {"a.csv": (HEADER + "".join(f"p{i},fern,\n" for i in range(9))).encode()},
        ("Cleaning left no row", "height: missing (9 rows)"),
    ),
    "no value to learn from": Refused(
        {"a.csv": (HEADER + "".join(f"p{i},fern,?\n" for i in range(9))).encode()},
        ("'height'", "training"),
        {"cleaning": [{"mark_missing": {}}, MEDIAN]},
    ),
    "no value in the target": Refused(
        {"a.csv": (HEADER + "".join(f"p{i},,1\n" for i in range(9))).encode()},
        ("Cleaning left no row", "kind: missing (9 rows)"),
    ),
    "one class only": Refused(
        {"a.csv": (HEADER + list_rows(kinds=("fern",))).encode()},
        ("the class 'fern' of 'kind'", "at least two classes"),
    ),
    "a number for every row as the class": Refused(
        {"a.csv": (HEADER + "".join(f"p{i},k{i},1\n" for i in range(1_100))).encode()},
        ("'kind' has more than 1,000 different values", "'columns.target'"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_stops_the_night(name: str, settings: Settings, tmp_path: Path) -> None:
    """With an error that names the file or the column, and what to do."""
    refused = REFUSED[name]
    write_files(tmp_path, refused.files)
    with pytest.raises(NocturneError) as caught:
        walk(settings, tmp_path, make_workflow(**refused.changes))
    assert caught.value.expected
    assert caught.value.hint
    for told in refused.told:
        assert told in str(caught.value)


@dataclass(frozen=True)
class Dirty:
    """A file of a night: what it holds, and what becomes of it."""

    content: bytes
    quarantined: tuple[tuple[int, str], ...] = ()
    kept: tuple[str, ...] = ()
    """Ids of the clean rows that are behind the good ones."""


DIRTY = {
    "a header only": Dirty(HEADER.encode()),
    "a header in another order": Dirty(
        b"height,more,kind,code\n1,x,moss,b70\n2,x,fern,b71,5\n",
        ((3, "5 values where the header has 4"),),
        ("b70",),
    ),
    "lines of another length": Dirty(
        csv_of("c70,fern", "", "c71,fern,1,2", "c72,moss,3", mark="c"),
        ((32, "2 values where the header has 3"), (34, "4 values where the header has 3")),
        ("c72",),
    ),
    "mixed encodings": Dirty(
        csv_of("d70,f\u00e9rn,1".encode("latin-1"), "d71,f\u00e9rn,1", "d72,fern,1", mark="d"),
        ((32, "bytes that are not utf-8"),),
        ("d71", "d72"),
    ),
    "NUL bytes": Dirty(
        csv_of("e70,fe\0rn,1", "e71,fern,\0", "e72,fern,1", mark="e"),
        ((32, "a NUL byte"), (33, "a NUL byte")),
        ("e72",),
    ),
    "a 10 MB line": Dirty(
        csv_of("f70,fern," + "9" * TOO_LONG, "f71,moss,1", mark="f"),
        ((32, "a line of more than 4,194,304 bytes"),),
        ("f71",),
    ),
    "a quote that is never closed": Dirty(
        csv_of('g70,"fern,1', "g71,moss,1", mark="g"),
        ((32, "a quote that is never closed"),),
        ("g71",),
    ),
    "values that are missing or no numbers": Dirty(
        csv_of("h70,fern,", "h71,fern,tall", "h72,,1", ",fern,1", "h73,fern,1", mark="h"),
        (
            (32, "height: missing"),
            (33, "height: not a number: 'tall'"),
            (34, "kind: missing"),
            (35, "id: missing"),
        ),
        ("h73",),
    ),
    "ids that stand twice": Dirty(
        csv_of(" i3 ,moss,99", "i70,moss,1", "i70,fern,1", "f3,fern,1", mark="i"),
        (
            (32, "id: repeats an earlier row's"),
            (34, "id: repeats an earlier row's"),
            (35, "id: repeats an earlier row's"),
        ),
        ("i70",),
    ),
    "infinities": Dirty(
        csv_of("j70,fern,inf", "j71,fern,-Infinity", "j72,fern,1e999", "j73,moss,1e308", mark="j"),
        (
            (32, "height: NaN or infinite: 'inf'"),
            (33, "height: NaN or infinite: '-Infinity'"),
            (34, "height: NaN or infinite: '1e999'"),
        ),
        ("j73",),
    ),
}


@pytest.fixture(scope="module")
def dirty_night(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """One night of all of them: what is wrong with a file is of no matter to the others."""
    folder = tmp_path_factory.mktemp("dirty files")
    write_files(folder, {f"{name}.csv": dirty.content for name, dirty in DIRTY.items()})
    return walk(settings, folder, make_workflow())


@pytest.mark.parametrize("name", DIRTY)
def test_a_dirty_file_costs_its_dirty_lines_alone(name: str, dirty_night: Walked) -> None:
    """They are in quarantine with their line and the reason; all its other rows are clean."""
    dirty, mark = DIRTY[name], "abcdefghij"[list(DIRTY).index(name)]
    found = [
        (line, reason)
        for source, line, reason in dirty_night.quarantined
        if source == f"{name}.csv"
    ]
    assert tuple(found) == dirty.quarantined
    ids = [i for i in dirty_night.clean["id"].to_pylist() if i.startswith(mark)]
    good = [f"{mark}{i}" for i in range(N_GOOD)] if mark > "b" else []
    assert ids == [*good, *dirty.kept]


def test_the_quarantine_keeps_what_stood_there(dirty_night: Walked) -> None:
    """A line as its text, bytes that are none as hexadecimal, a long one to its beginning; a row as it came."""
    assert dirty_night.find_row("mixed encodings.csv", 32) == {"text": "d70,f\\xe9rn,1"}
    assert dirty_night.find_row("NUL bytes.csv", 32) == {"text": "e70,fe\0rn,1"}
    assert dirty_night.find_row("a 10 MB line.csv", 32)["text"].startswith("f70,fern,999")
    row = dirty_night.find_row("values that are missing or no numbers.csv", 33)
    assert row == {"kind": "fern", "height": "tall"}


@dataclass(frozen=True)
class Kept:
    """A night that goes on: files, and what becomes of their rows."""

    files: dict[str, bytes]
    quarantined: list[tuple[str, int, str]]
    n_in: int
    n_duplicates: int = 0
    changes: dict[str, Any] = field(default_factory=dict)


KEPT = {
    "a 10 MB line of JSON": Kept(
        {
            "a.jsonl": b"".join(
                b'{"code": "p%d", "kind": "%s", "height": %d}\n' % (i, (b"fern", b"moss")[i % 2], i)
                for i in range(N_GOOD)
            )
            + b'{"code": "' + b"p" * TOO_LONG + b'"}\n[1]\n{"code": "p70"}\n'
        },
        [
            ("a.jsonl", 31, "a line of more than 4,194,304 bytes"),
            ("a.jsonl", 32, "no JSON object"),
            ("a.jsonl", 33, "kind: missing"),
        ],
        N_GOOD + 3,
        changes={"source": {"kind": "files", "path": "*.jsonl", "format": "jsonl"}},
    ),
    "Parquet with other types of the same values, and infinities": Kept(
        {
            "a.parquet": parquet_of(height=[np.inf, -np.inf, np.nan, *range(3, N_GOOD)]),
            "b.parquet": parquet_of(first=50, height=pa.array(range(N_GOOD), pa.int32())),
        },
        [
            ("a.parquet", 1, "height: NaN or infinite: 'inf'"),
            ("a.parquet", 2, "height: NaN or infinite: '-inf'"),
            ("a.parquet", 3, "height: missing"),
        ],
        2 * N_GOOD,
        changes=from_parquet(),
    ),
    "a column without a value, and a constant for it": Kept(
        {"a.csv": (HEADER + "".join(f"p{i},{'fm'[i % 2]},?\n" for i in range(N_GOOD))).encode()},
        [],
        N_GOOD,
        changes={"cleaning": [{"mark_missing": {}}, {"impute": {"by": "constant", "value": 0}}]},
    ),
    "ids that stand twice, the last of which is kept": Kept(
        {"a.csv": csv_of(), "b.csv": csv_of("q1,fern,1", "p3,moss,99", mark="q")},
        [],
        2 * N_GOOD + 2,
        n_duplicates=2,
        changes={"cleaning": [{"drop_duplicates": {"by": ["code"], "keep": "last"}}]},
    ),
    "a class without training rows, whose ids stand twice": Kept(
        {"a.csv": csv_of("h6,rare,1", "h6,rare,2")},
        [
            ("a.csv", 32, "kind: a class without training rows: 'rare'"),
            ("a.csv", 33, "id: repeats an earlier row's"),
        ],
        N_GOOD + 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_every_row_is_clean_a_duplicate_or_in_quarantine(
    name: str, settings: Settings, tmp_path: Path
) -> None:
    """With its file, its line and the reason."""
    kept = KEPT[name]
    write_files(tmp_path, kept.files)
    walked = walk(settings, tmp_path, make_workflow(**kept.changes))
    assert walked.quarantined == kept.quarantined
    assert walked.report["rows_in"] == kept.n_in
    assert walked.report["rows_duplicate"] == kept.n_duplicates
    assert np.isfinite(walked.clean["height"].to_numpy()).all()


def test_images_of_another_size_go_to_quarantine(settings: Settings, tmp_path: Path) -> None:
    """Each with its file; so do those that are no images, and blank ones where the workflow says so."""
    generator = np.random.default_rng(1)
    for i in range(24):
        place = tmp_path / ("fern", "moss")[i % 2] / f"{i:02d}.png"
        place.parent.mkdir(exist_ok=True)
        Image.fromarray(generator.integers(0, 255, (4, 6), dtype=np.uint8)).save(place)
    Image.new("L", (6, 5), 9).save(tmp_path / "fern" / "large.png")
    Image.new("L", (6, 4), 9).save(tmp_path / "fern" / "white.png")
    (tmp_path / "moss" / "cut.png").write_bytes((tmp_path / "moss" / "01.png").read_bytes()[:60])
    (tmp_path / "moss" / "none.jpg").write_bytes(b"")
    (tmp_path / "moss" / "notes.txt").write_text("none")
    workflow = make_workflow(
        source={"kind": "files", "path": ".", "format": "images"},
        columns={"target": "kind", "image": {"tensor": [4, 6, 1]}},
        cleaning=[{"check_images": {}}],
    )
    walked = walk(settings, tmp_path, workflow)
    assert walked.quarantined == [
        ("fern/large.png", 1, "height x width 5 x 6 where 'columns.image.tensor' says 4 x 6"),
        ("fern/white.png", 1, "image: blank image"),
        ("moss/cut.png", 1, "an image that is cut short or damaged (OSError)"),
        ("moss/none.jpg", 1, "an empty file"),
        ("moss/notes.txt", 1, "no PNG or JPEG image"),
    ]
    assert walked.clean.num_rows == 24


@pytest.mark.parametrize("cleaning", [[CALENDAR, MEDIAN], [MEDIAN, CALENDAR], [CALENDAR]])
def test_dates_far_off_stay_what_they_are(
    cleaning: list[dict[str, Any]], settings: Settings, tmp_path: Path
) -> None:
    """Before 1970 and after 2262, where nanoseconds of 64 bits end; what no calendar has is told."""
    dates = ["1500-02-28", "1969-12-31T23:59:59.5", "2262-04-12", "9999-12-31", "0001-01-01"]
    impossible = ["10000-01-01", "0000-01-01", "1900-02-29", "soon"]
    rows = [f"p{i},{('fern', 'moss')[i % 2]},1,2000-01-01" for i in range(N_GOOD)]
    rows += [f"q{i},fern,1,{date}" for i, date in enumerate([*dates, *impossible])]
    (tmp_path / "a.csv").write_text("code,kind,height,seen\n" + "\n".join(rows) + "\n")
    walked = walk(
        settings,
        tmp_path,
        make_workflow(
            columns={"id": "code", "target": "kind", "features": ["height", "seen"]},
            cleaning=cleaning,
        ),
    )
    parts = walked.clean.select(["seen_year", "seen_month", "seen_day"]).slice(N_GOOD)
    assert [tuple(row.values()) for row in parts.to_pylist()] == [
        (1500, 2, 28), (1969, 12, 31), (2262, 4, 12), (9999, 12, 31), (1, 1, 1),
    ]  # fmt: skip
    assert walked.quarantined == [
        ("a.csv", N_GOOD + len(dates) + 2 + i, f"seen: not a date: {text!r}")
        for i, text in enumerate(impossible)
    ]


def test_a_regex_that_backtracks_judges_in_time(settings: Settings, tmp_path: Path) -> None:
    """The rows that break it are in quarantine, the promise's own text and the value beside the reason."""
    texts = ["a" * 40, "a" * 50_000 + "!", "\u00e4" * 40]
    write_files(tmp_path, {"a.csv": csv_of(*(f"q{i},{text},1" for i, text in enumerate(texts)))})
    promise = {
        "type": "expect_column_values_to_match_regex",
        "kwargs": {"column": "kind", "regex": "^(a+)+$|^fern$|^moss$"},
        "meta": {"quarantine": True},
    }
    write_suite(settings, "backtracking_raw", [promise])
    began = time.process_time()
    workflow = make_workflow(expectations={"raw": "backtracking_raw", "clean": "plants_clean"})
    walked = walk(settings, tmp_path, workflow)
    assert time.process_time() - began < 10.0
    assert [(line, "(a+)+" in reason) for _, line, reason in walked.quarantined] == [
        (33, True),
        (34, True),
    ]


def test_text_from_data_is_escaped_where_it_is_shown(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In the Data Docs and in the log; the quarantine and the clean data keep it as it is."""
    rows = [f"p{i},{('fern', 'moss')[i % 2]},1,{EVIL}" for i in range(N_GOOD)]
    rows.append(f"p70,fern,{EVIL},{EVIL}")
    (tmp_path / "a.csv").write_text(f"code,kind,height,{EVIL}\n" + "\n".join(rows) + "\n")
    failing = {"type": "expect_column_values_to_be_in_set", "severity": "warning"}
    write_suite(
        settings,
        "evil_raw",
        [{**failing, "kwargs": {"column": EVIL, "value_set": ["<img src=x onerror=alert(1)>"]}}],
    )
    workflow = make_workflow(
        columns={"id": "code", "target": "kind", "features": ["height"], "keep": [EVIL]},
        expectations={"raw": "evil_raw", "clean": "plants_clean"},
    )
    walked = walk(settings, tmp_path, workflow)
    assert "&lt;script&gt;" in walked.docs
    assert "<script>alert" not in walked.docs
    assert "<img src=x" not in walked.docs
    told = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("tasks."))
    assert "[red]&amp; \\x1b[31m" in told
    assert "\x1b" not in told
    assert walked.clean[EVIL].to_pylist() == [EVIL] * N_GOOD
    assert walked.find_row("a.csv", N_GOOD + 2) == {"kind": "fern", "height": EVIL, EVIL: EVIL}
