"""How long Airflow takes to read `dags/` with many workflow files.

Copies `workflows/digits.yaml` under many names and parses each file of `dags/` as Airflow's DAG processor
does, in a fresh interpreter each time; Airflow's own import is not counted. `nightly.py` makes a DAG of
each workflow file; the others are one DAG each.

    .venv/bin/python benchmarks/dag_parsing.py --workflows 100 --rounds 5
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tasks.services.environment import airflow_environment
from tasks.services.secrets import ensure_secrets
from tasks.settings import Settings

PARSE = """
import json, sys, time
from airflow.dag_processing.dagbag import BundleDagBag
folder, file = sys.argv[1:]
wall, cpu = time.perf_counter(), time.process_time()
bag = BundleDagBag(f"{folder}/{file}", bundle_path=folder, bundle_name="dags-folder")
assert not bag.import_errors, bag.import_errors
print(json.dumps([len(bag.dags), time.perf_counter() - wall, time.process_time() - cpu]))
"""


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workflows", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nocturne-benchmark-") as name:
        folder = Path(name)
        (folder / "workflows").mkdir()
        settings = Settings.from_environment(
            {"NOCTURNE_HOME": str(folder), "NOCTURNE_WORKFLOWS": str(folder / "workflows")}
        )
        shipped = (settings.project_root / "workflows" / "digits.yaml").read_text(encoding="utf-8")
        for i in range(arguments.workflows):
            text = shipped.replace("name: digits", f"name: digits{i}")
            (folder / "workflows" / f"digits{i}.yaml").write_text(text, encoding="utf-8")
        environment = airflow_environment(
            settings, ensure_secrets(settings), n_cards=0, inherited=os.environ
        )
        for file in sorted(settings.dags_dir.glob("*.py")):
            rounds = [parse(settings, file.name, environment) for _ in range(arguments.rounds)]
            n_dags = rounds[0][0]
            wall, cpu = (statistics.median(one[i] for one in rounds) for i in (1, 2))
            print(f"{file.name:<12} {n_dags:>4} DAGs: {wall:.2f} s, {cpu:.2f} s of CPU (median)")


def parse(settings: Settings, file: str, environment: dict[str, str]) -> tuple[int, float, float]:
    """Parse a file in a fresh interpreter; gives its DAGs, the seconds and the processor's seconds."""
    done = subprocess.run(
        [sys.executable, "-c", PARSE, str(settings.dags_dir), file],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    n_dags, wall, cpu = json.loads(done.stdout.splitlines()[-1])
    return n_dags, wall, cpu


if __name__ == "__main__":
    main()
