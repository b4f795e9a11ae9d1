"""Workflow files: what is accepted, and what a refusal says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tasks.errors import RequestError, WorkflowError
from tasks.settings import Settings
from tasks.workflow import find_workflow, load_workflow, load_workflows

SOUND = """\
name: flowers
description: Which flower is this?
source: {kind: sklearn, dataset: iris}
columns: {target: species, features: [petal_length, petal_width]}
expectations: {raw: flowers_raw, clean: flowers_clean}
split: {by: hash}
candidates:
  small: {kind: mlp, dense: [8]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "expectations").mkdir()
    for suite in ("flowers_raw", "flowers_clean"):
        (tmp_path / "expectations" / f"{suite}.json").write_text("{}")
    return tmp_path


@pytest.fixture
def settings(folder: Path) -> Settings:
    return Settings.from_environment(
        {
            "NOCTURNE_HOME": str(folder / "home"),
            "NOCTURNE_WORKFLOWS": str(folder / "workflows"),
            "NOCTURNE_EXPECTATIONS": str(folder / "expectations"),
        }
    )


def write(folder: Path, text: str, name: str = "flowers.yaml") -> Path:
    path = folder / "workflows" / name
    path.write_text(text, encoding="utf-8")
    return path


def test_sound_file_is_read_and_frozen(folder: Path, settings: Settings) -> None:
    """A sound file becomes a workflow that cannot be changed."""
    workflow = load_workflow(write(folder, SOUND), settings)
    assert workflow.candidates["small"].dense == (8,)
    assert workflow.metric == "accuracy"
    with pytest.raises(Exception, match="frozen"):
        workflow.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("found", "replacement", "line", "message"),
    [
        ("dense: [8]", "densse: [8]", 8, "candidates.small.densse: found unknown key; expected 'dense', perhaps"),
        ("kind: mlp", "kind: mpl", 8, "candidates.small.kind: found unknown value 'mpl'; expected 'mlp', perhaps"),
        ("kind: mlp, ", "", 8, "candidates.small.kind: found this key is missing"),
        ("dataset: iris", "dataset: irises", 3, "source.dataset: found unknown value 'irises'; expected 'iris', perhaps"),
        ("split:", "splitt:", 6, "splitt: found unknown key; expected 'split', perhaps"),
        ("[8]", "[-8]", 8, "candidates.small.dense.0: found -8; expected Input should be greater"),
        ("[8]", "many", 8, "candidates.small.dense: found 'many'"),
        ("{by: hash}", "{by: hash, holdout: 0.95}", 6, "split.holdout: found validation and hold-out take 1.05"),
        ("name: flowers", "name: Flowers", 1, "name: found 'Flowers'; expected String should match"),
        ("name: flowers", "name: trees", 1, "name: found 'trees'; expected 'flowers', as the file is called"),
        ("flowers_raw", "flower_raw", 5, "there is no suite 'flower_raw'"),
        ("features: [petal_length, petal_width]", "features: [species]", 4, "columns.target: found 'species' is also an input"),
        ("kind: mlp, dense: [8]", "kind: cnn, convolutions: [{filters: 8}]", 8, "found 'cnn' without images"),
        ("species,", "species, image: {tensor: [2, 2, 1]},", 4, "found both of 'image' and 'features'"),
        ("target: species", "target: split", 4, "columns.target: found the column 'split'; expected another name"),
        ("description: Which flower is this?", "schedule: daily\ndescription: x", 2, "schedule: found 'daily'; expected five cron fields"),
        ("description: Which flower is this?", "timezone: Mars/Base\ndescription: x", 2, "timezone: found 'Mars/Base'"),
    ],
)  # fmt: skip
def test_mistake_is_named_with_its_line(
    folder: Path, settings: Settings, found: str, replacement: str, line: int, message: str
) -> None:
    """Every mistake names file, line, what was found and what was expected."""
    assert found in SOUND
    path = write(folder, SOUND.replace(found, replacement, 1))
    with pytest.raises(WorkflowError, match=re.escape(message)) as caught:
        load_workflow(path, settings)
    assert f"{path}:{line}: " in str(caught.value)


def test_all_mistakes_are_named_at_once(folder: Path, settings: Settings) -> None:
    """A person corrects a file once, not once per mistake."""
    text = SOUND.replace("iris", "irises").replace("[8]", "[0]")
    with pytest.raises(WorkflowError) as caught:
        load_workflow(write(folder, text), settings)
    assert "flowers.yaml:3: " in str(caught.value)
    assert "flowers.yaml:8: " in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r":1: found no keys"),
        ("- a\n- b\n", r":1: found no keys"),
        ("name: [\n", r":2: this is not YAML"),
        ("name: !!python/object/apply:os.system ['true']\n", r":1: this is not YAML"),
        (SOUND + "name: again\n", r":9: the key 'name' stands a second time \(first on line 1\)"),
        (SOUND.replace("[8]", "[8, &a 1, *b]"), r"this is not YAML: found undefined alias"),
    ],
)
def test_what_is_no_workflow_is_refused(
    folder: Path, settings: Settings, text: str, message: str
) -> None:
    """YAML that is broken, unsafe, ambiguous or no mapping is refused with its line."""
    with pytest.raises(WorkflowError, match=message):
        load_workflow(write(folder, text), settings)


def test_multiplying_aliases_are_refused(folder: Path, settings: Settings) -> None:
    """A few lines of aliases must not become gigabytes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(WorkflowError, match="aliases count each time"):
        load_workflow(write(folder, "\n".join(lines)), settings)


def test_unreadable_text_is_refused(folder: Path, settings: Settings) -> None:
    """Bytes that are not UTF-8 are said to be so."""
    path = folder / "workflows" / "flowers.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(WorkflowError, match="not UTF-8"):
        load_workflow(path, settings)


def test_one_broken_file_does_not_stop_the_others(folder: Path, settings: Settings) -> None:
    """Each file is loaded or refused by itself."""
    write(folder, SOUND)
    write(folder, "name: broken\n", "broken.yaml")
    broken, flowers = load_workflows(settings)
    assert flowers.workflow is not None
    assert flowers.error is None
    assert broken.workflow is None
    assert "broken.yaml:1: " in str(broken.error)


def test_unknown_name_suggests_the_nearest(folder: Path, settings: Settings) -> None:
    """A misspelt workflow is answered with the one that was meant."""
    write(folder, SOUND)
    with pytest.raises(RequestError, match="'flowers', perhaps"):
        find_workflow("flower", settings)


def test_hundred_files_are_read_in_two_seconds(folder: Path, settings: Settings) -> None:
    """The DAG processor reads all of them at every parse."""
    import time

    for i in range(100):
        write(folder, SOUND.replace("name: flowers", f"name: flowers{i}"), f"flowers{i}.yaml")
    began = time.process_time()
    loaded = load_workflows(settings)
    assert time.process_time() - began < 2.0
    assert sum(each.workflow is not None for each in loaded) == 100
