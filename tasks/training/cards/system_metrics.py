"""How busy the machine and its cards are while a step trains, as MLflow's system metrics.

Wrapped by ``step`` around the training; MLflow's web page shows them under "System metrics".
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tasks.training.cards.gpu import Gpu

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 10.0
STOP_TIMEOUT_SECONDS = 30.0  # an MLflow that does not answer must not hold up the result
_PREFIX = "system/"  # where MLflow's web page looks for them
_FIRST = f"{_PREFIX}cpu_utilization_percentage"


@contextlib.contextmanager
def log_system_metrics(
    client: MlflowClient,
    run_id: str,
    gpus: Sequence[Gpu] = (),
    *,
    interval_seconds: float = INTERVAL_SECONDS,
) -> Iterator[None]:
    """Log the load of processor, memory, disk, network and cards while the block runs.

    Parameters
    ----------
    client : mlflow.MlflowClient
    run_id : str
        A run that goes on.
    gpus : sequence of Gpu, optional
        The cards that are at work; they need the package ``nvidia-ml-py``.
    interval_seconds : float, default 10
        One sample each, and one at the end of a block that is shorter.

    Notes
    -----
    Figures are of the whole machine and of the given cards. Whatever goes wrong here is a line in
    the log and never an error: the training counts. MLflow's own monitor logs nothing for blocks
    shorter than its interval, and watches every card of the machine.
    """
    stop = threading.Event()
    thread = threading.Thread(
        target=_sample_until,
        args=(stop, client, run_id, gpus, interval_seconds),
        name="system-metrics",
        daemon=True,
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_TIMEOUT_SECONDS)


def _sample_until(
    stop: threading.Event,
    client: MlflowClient,
    run_id: str,
    gpus: Sequence[Gpu],
    interval_seconds: float,
) -> None:
    try:
        import psutil
        from mlflow.entities import Metric

        monitors = _make_monitors(gpus)
        psutil.cpu_percent()  # its first answer means nothing
        first = len(client.get_metric_history(run_id, _FIRST))  # of an earlier try
        n = 0
        is_last = False
        while not is_last:
            is_last = stop.wait(interval_seconds)
            if is_last and n:
                break
            figures: dict[str, float] = {}
            for monitor in monitors:
                monitor.collect_metrics()
                figures.update(monitor.aggregate_metrics())
                monitor.clear_metrics()
            now = int(time.time() * 1000)
            client.log_batch(
                run_id,
                metrics=[
                    Metric(_PREFIX + name, float(value), now, first + n)
                    for name, value in figures.items()
                ],
            )
            n += 1
    except Exception as error:  # noqa: BLE001 - the training counts, and not what is logged beside it
        logger.warning("The system metrics end here: %s: %s", type(error).__name__, error)


def _make_monitors(gpus: Sequence[Gpu]) -> list[Any]:
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
    from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

    monitors: list[Any] = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
    if gpus:
        from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor

        try:
            nvml: Any = importlib.import_module("pynvml")  # GPUMonitor looks whether it is there
            cards = GPUMonitor()
            # It has found every card of the machine; of interest are those that train.
            cards.gpu_handles = [nvml.nvmlDeviceGetHandleByUUID(gpu.uuid) for gpu in gpus]
            monitors.append(cards)
        except Exception as error:  # noqa: BLE001 - no package, no driver: then without the cards
            logger.warning("The cards' load is not logged (nvidia-ml-py gives it): %s", error)
    return monitors
