"""The machine's load is logged while a block runs, and never gets in its way."""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tasks.training.cards.gpu import Gpu
from tasks.training.cards.system_metrics import log_system_metrics

if TYPE_CHECKING:
    from mlflow import MlflowClient

CARDS = (Gpu(2, "NVIDIA H200", "GPU-2222"),)


@pytest.fixture
def run_id(client: MlflowClient) -> str:
    """A run that goes on."""
    return str(client.create_run(client.create_experiment("load")).info.run_id)


def read(client: MlflowClient, run_id: str, name: str) -> list[Any]:
    return client.get_metric_history(run_id, f"system/{name}")


def test_a_short_block_is_logged_once(client: MlflowClient, run_id: str) -> None:
    """Its load is that of the block, under the names that MLflow's page shows."""
    with log_system_metrics(client, run_id):
        until = time.perf_counter() + 0.5
        while time.perf_counter() < until:
            pass
    (busy,) = read(client, run_id, "cpu_utilization_percentage")
    assert 5.0 < busy.value <= 100.0
    (used,) = read(client, run_id, "system_memory_usage_percentage")
    assert 0.0 < used.value < 100.0
    assert read(client, run_id, "disk_usage_percentage")
    assert read(client, run_id, "network_receive_megabytes")


def test_a_long_block_is_logged_again_and_again(client: MlflowClient, run_id: str) -> None:
    """The samples are numbered, and a retry goes on counting."""
    for n_samples in (3, 1):
        with log_system_metrics(client, run_id, interval_seconds=0.01):
            before = len(read(client, run_id, "cpu_utilization_percentage"))
            deadline = time.monotonic() + 60
            while (
                len(read(client, run_id, "cpu_utilization_percentage")) < before + n_samples
                and time.monotonic() < deadline
            ):
                time.sleep(0.05)
    steps = [metric.step for metric in read(client, run_id, "cpu_utilization_percentage")]
    assert len(steps) >= 4
    assert steps == list(range(len(steps)))


def test_an_error_of_mlflow_is_a_line_in_the_log(
    client: MlflowClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The training goes on to its end."""
    with log_system_metrics(client, "no-such-run"):
        reached = True
    assert reached
    assert "The system metrics end here: MlflowException" in caplog.text


def test_an_error_of_the_block_comes_through(client: MlflowClient, run_id: str) -> None:
    """And what was measured until then is logged."""
    with pytest.raises(ZeroDivisionError), log_system_metrics(client, run_id):
        _ = 1 / 0
    assert read(client, run_id, "cpu_utilization_percentage")


def test_without_nvidia_s_package_the_rest_is_logged(
    client: MlflowClient,
    run_id: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says what is missing."""
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with log_system_metrics(client, run_id, CARDS):
        pass
    assert read(client, run_id, "cpu_utilization_percentage")
    assert "nvidia-ml-py" in caplog.text


def test_the_leased_cards_are_watched_and_no_others(
    client: MlflowClient, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four cards the third is at work, known by its UUID; NVIDIA's package is not installed here."""

    class NVMLError(Exception):
        pass

    asked = []

    def find(uuid: str) -> int:
        asked.append(uuid)
        return 2

    loads = {2: SimpleNamespace(gpu=87)}
    library = SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 4,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetHandleByUUID=find,
        nvmlDeviceGetMemoryInfo=lambda _: SimpleNamespace(used=40e9, total=80e9),
        nvmlDeviceGetUtilizationRates=lambda handle: loads[handle],
        nvmlDeviceGetPowerUsage=lambda _: 350_000,
        nvmlDeviceGetEnforcedPowerLimit=lambda _: 700_000,
    )
    monkeypatch.setitem(sys.modules, "pynvml", library)
    # Its module keeps what it found at its first import.
    from mlflow.system_metrics.metrics import gpu_monitor

    monkeypatch.setattr(gpu_monitor, "pynvml", library, raising=False)
    with log_system_metrics(client, run_id, CARDS):
        pass
    assert asked == ["GPU-2222"]
    names = {
        name.removeprefix("system/")
        for name in client.get_run(run_id).data.metrics
        if name.startswith("system/gpu")
    }
    assert names == {
        "gpu_0_utilization_percentage",
        "gpu_0_memory_usage_percentage",
        "gpu_0_memory_usage_megabytes",
        "gpu_0_power_usage_watts",
        "gpu_0_power_usage_percentage",
    }
    (load,) = read(client, run_id, "gpu_0_utilization_percentage")
    assert load.value == 87
