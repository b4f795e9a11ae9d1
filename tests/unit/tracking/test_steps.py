"""Steps as MLflow child runs: found again by a retry, never left RUNNING, their artifacts proven."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests_support import make_night

from tasks.dataset import digest_folder
from tasks.errors import ServiceError, TrackingError
from tasks.settings import Settings
from tasks.tracking import Handoff, Night, Step, TaskIdentity, connect, open_step, tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

LOCAL = TaskIdentity()


@pytest.fixture
def night(client: MlflowClient, settings: Settings) -> Night:
    return make_night(client, settings)


def steps_of(client: MlflowClient, night: Night) -> list[Run]:
    found = client.search_runs([night.experiment_id])
    return [run for run in found if tags.STEP in run.data.tags]


def publish_text(step: Step, text: str) -> Handoff:
    (step.workdir / "out.txt").write_text(text)
    return step.publish(step.workdir / "out.txt", "out")


def test_handoff_survives_json() -> None:
    """What travels by XCom comes back as it went."""
    handoff = Handoff("run", "raw/abc", "f" * 64, 7)
    assert Handoff.from_json(handoff.to_json()) == handoff


def test_retry_reopens_the_run(client: MlflowClient, settings: Settings, night: Night) -> None:
    """A second try of a step is the same MLflow run, with the try's number."""
    for number in (1, 2):
        task = TaskIdentity("airflow", "digits", "manual", "ingest", -1, number, "http://x")
        with open_step(client, settings, night, "ingest", inputs={}, task=task):
            pass
    (run,) = steps_of(client, night)
    assert run.info.status == "FINISHED"
    assert run.data.tags[tags.AIRFLOW_TRY] == "2"
    assert run.data.tags[tags.MLFLOW_PARENT] == night.run_id


def test_failed_step_says_why_until_a_retry_succeeds(
    client: MlflowClient, settings: Settings, night: Night
) -> None:
    """A step's error is a tag of its run; the try that succeeds takes it away."""
    with (
        pytest.raises(ValueError, match="bad luck"),
        open_step(client, settings, night, "clean", inputs={}, task=LOCAL),
    ):
        raise ValueError("bad luck")
    (run,) = steps_of(client, night)
    assert run.info.status == "FAILED"
    assert run.data.tags[tags.ERROR] == "ValueError: bad luck"
    with open_step(client, settings, night, "clean", inputs={}, task=LOCAL):
        pass
    (run,) = steps_of(client, night)
    assert run.info.status == "FINISHED"
    assert tags.ERROR not in run.data.tags


def test_interrupted_step_is_killed(client: MlflowClient, settings: Settings, night: Night) -> None:
    """Ctrl-C ends the run as KILLED."""
    with (
        pytest.raises(KeyboardInterrupt),
        open_step(client, settings, night, "clean", inputs={}, task=LOCAL),
    ):
        raise KeyboardInterrupt
    assert steps_of(client, night)[0].info.status == "KILLED"


def test_artifact_is_brought_and_proven(
    client: MlflowClient, settings: Settings, night: Night
) -> None:
    """A handed-over folder comes back whole, and its digest is that of its content."""
    with open_step(client, settings, night, "ingest", inputs={}, task=LOCAL) as step:
        folder = step.workdir / "raw"
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "a.txt").write_text("A")
        handoff = step.publish(folder, "raw", n_rows=1)
        assert handoff.sha256 == digest_folder(folder)
    with open_step(client, settings, night, "clean", inputs={"raw": handoff}, task=LOCAL) as step:
        assert (step.fetch(handoff) / "deep" / "a.txt").read_text() == "A"
        assert step.fetch(handoff) == step.fetch(handoff)


def test_altered_artifact_is_refused(
    client: MlflowClient, settings: Settings, night: Night
) -> None:
    """An artifact that somebody changed in the store is not used."""
    with open_step(client, settings, night, "ingest", inputs={}, task=LOCAL) as step:
        handoff = publish_text(step, "as it was")
    stored = next((settings.artifact_root).rglob("out.txt"))
    stored.write_text("as it is now")
    with (
        open_step(client, settings, night, "clean", inputs={}, task=LOCAL) as step,
        pytest.raises(TrackingError, match="was altered"),
    ):
        step.fetch(handoff)


def test_lost_artifact_is_named(client: MlflowClient, settings: Settings, night: Night) -> None:
    """A missing artifact says which, and which task to clear."""
    with (
        open_step(client, settings, night, "clean", inputs={}, task=LOCAL) as step,
        pytest.raises(TrackingError, match=r"no artifact 'raw/nothing'"),
    ):
        step.fetch(Handoff(step.run_id, "raw/nothing", "0" * 64))


@pytest.mark.parametrize("links", [True, False])
def test_an_artifact_of_this_machine_is_linked_or_copied(
    client: MlflowClient,
    settings: Settings,
    night: Night,
    monkeypatch: pytest.MonkeyPatch,
    links: bool,
) -> None:
    """A link costs nothing; on another disk it is copied; what the step removes stays in the store."""
    with open_step(client, settings, night, "ingest", inputs={}, task=LOCAL) as step:
        handoff = publish_text(step, "content")
    if not links:

        def refuse(_source: str, _target: str) -> None:
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        monkeypatch.setattr("os.link", refuse)
    with open_step(client, settings, night, "clean", inputs={}, task=LOCAL) as step:
        fetched = step.fetch(handoff)
        (file,) = [p for p in (fetched, *fetched.rglob("*")) if p.is_file()]
        assert file.stat().st_nlink == (2 if links else 1)
        assert step.fetch(handoff) == fetched  # again
        file.unlink()
    with open_step(client, settings, night, "mine", inputs={}, task=LOCAL) as step:
        assert step.fetch(handoff).exists()


def test_content_makes_the_path(client: MlflowClient, settings: Settings, night: Night) -> None:
    """Other content of a retry lies beside the first, so that nothing is ever changed."""
    handoffs = []
    for text in ("one", "one", "two"):
        with open_step(client, settings, night, "ingest", inputs={}, task=LOCAL) as step:
            handoffs.append(publish_text(step, text))
    assert handoffs[0] == handoffs[1]
    assert handoffs[0].path != handoffs[2].path


def test_scratch_folder_is_removed(client: MlflowClient, settings: Settings, night: Night) -> None:
    """What a step leaves in its scratch folder is gone when it ends."""
    with open_step(client, settings, night, "ingest", inputs={}, task=LOCAL) as step:
        (step.workdir / "big").write_text("x")
        workdir = step.workdir
    assert not workdir.exists()


def test_changed_parameter_does_not_fail_a_retry(
    client: MlflowClient, settings: Settings, night: Night
) -> None:
    """MLflow refuses another value of a parameter; the retry keeps both."""
    for value in (1, 2, 2):
        with open_step(client, settings, night, "train.cnn", inputs={}, task=LOCAL) as step:
            step.log_params({"epochs": value, "kind": "cnn"})
    params = steps_of(client, night)[0].data.params
    assert params["epochs"] == "1"
    assert sorted(params.values()) == ["1", "2", "cnn"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        shutil.Error([("a", "b", "[Errno 28] No space left on device: 'a' -> 'b'")]),
        RuntimeError("(sqlite3.OperationalError) database or disk is full"),
    ],
    ids=["the system", "shutil", "SQLite"],
)
def test_full_disk_says_so(
    client: MlflowClient, settings: Settings, night: Night, error: Exception
) -> None:
    """A full disk, whoever reports it, becomes an error that says where to make room."""
    with (
        pytest.raises(TrackingError, match="The disk was full while the step clean wrote"),
        open_step(client, settings, night, "clean", inputs={}, task=LOCAL),
    ):
        raise error
    assert steps_of(client, night)[0].info.status == "FAILED"


def test_fingerprint_follows_inputs_and_settings(
    client: MlflowClient, settings: Settings, night: Night, tmp_path: Path
) -> None:
    """The fingerprint is the same for the same work, and another for other inputs, settings or code."""
    (tmp_path / "code.py").write_text("x = 1")
    one = {"raw": Handoff("r", "p", "1" * 64)}
    other = {"raw": Handoff("r", "p", "2" * 64)}
    seen = []
    for inputs, section, code in (
        (one, {"k": 1}, []),
        (one, {"k": 1}, []),
        (other, {"k": 1}, []),
        (one, {"k": 2}, []),
        (one, {"k": 1}, [tmp_path]),
    ):
        with open_step(
            client, settings, night, "x", inputs=inputs, task=LOCAL, section=section, code=code
        ):
            pass
        seen.append(steps_of(client, night)[0].data.tags[tags.FINGERPRINT])
    assert seen[0] == seen[1]
    assert len(set(seen)) == 4


def test_mlflow_that_does_not_answer_is_named(tmp_path: Path) -> None:
    """A dead tracking server is a ServiceError that says what to start, within seconds."""
    gone = Settings.from_environment(
        {"NOCTURNE_HOME": str(tmp_path), "NOCTURNE_TRACKING_URI": "http://127.0.0.1:9"}
    )
    with pytest.raises(ServiceError, match=r"MLflow does not answer at http://127.0.0.1:9"):
        connect(gone)
