"""How often the gate promotes by chance, and how often it lets a better model through.

Makes up many nights of two models with known accuracies: every row has a difficulty that both share,
so that they err on the same rows as real models do. Each night goes through the comparison of the
evaluation (``tasks.metrics.compare_hits``) and the gate (``tasks.promotion.policy.decide``) with the
defaults of a workflow file, and the share of promoted challengers is printed.

    .venv/bin/python benchmarks/gate_simulation.py
    .venv/bin/python benchmarks/gate_simulation.py --mnist mnist.npz    # how alike real networks err
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.stats import multivariate_normal, norm

from tasks.metrics import compare_hits
from tasks.promotion.figures import Contender, Group, Trial
from tasks.promotion.policy import decide
from tasks.promotion.rules import Limits
from tasks.workflow import Promotion

N_CLASSES = 10
SERVES = Trial(passed=True, sentence="It loads.")


@dataclass(frozen=True)
class Case:
    """Two models and a hold-out: accuracies, and how alike the models err (a correlation, 0 to 1)."""

    name: str
    champion: float
    gain: float
    correlation: float
    n_rows: int


@dataclass(frozen=True)
class Cells:
    """How likely a row is right for both, for the challenger alone, the champion alone, and for none."""

    both: float
    gained: float
    lost: float
    neither: float

    @property
    def discordant(self) -> float:
        """The share of rows on which one is right and the other wrong."""
        return self.gained + self.lost


def main() -> None:
    """Run the nights and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nights", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--mnist", type=Path, help="measure how alike networks on MNIST err instead"
    )
    arguments = parser.parse_args()
    if arguments.mnist is not None:
        measure_correlations(arguments.mnist)
        return
    defaults = Promotion()
    limits = Limits(
        min_gain=defaults.min_gain,
        significance=defaults.significance,
        max_group_loss=defaults.max_group_loss,
        min_group_rows=defaults.min_group_rows,
    )
    print(f"{arguments.nights:,} nights each, seed {arguments.seed}, {limits}")
    print(
        f"{'case':<46} {'rows':>6} {'discordant':>10} {'promoted':>9} {'+- ':>6} "
        f"{'score alone':>11} {'borderline':>10} {'ms/night':>8}"
    )
    for number, case in enumerate(list_cases()):
        run_case(case, limits, arguments.nights, arguments.seed + number)


def list_cases() -> list[Case]:
    """List what is simulated: equal models, better ones, and both on a small hold-out."""
    return [
        Case("equal, 95 %, errors alike", 0.95, 0.0, 0.9, 10_000),
        Case("equal, 95 %, errors half alike", 0.95, 0.0, 0.5, 10_000),
        Case("equal, 80 %, errors alike", 0.80, 0.0, 0.9, 10_000),
        Case("equal, 95 %, errors of their own", 0.95, 0.0, 0.0, 10_000),
        Case("equal, 99 %, errors alike", 0.99, 0.0, 0.9, 10_000),
        Case("+1 point, 95 %, errors alike", 0.95, 0.01, 0.9, 10_000),
        Case("+1 point, 95 %, errors half alike", 0.95, 0.01, 0.5, 10_000),
        Case("+1 point, 95 %, errors of their own", 0.95, 0.01, 0.0, 10_000),
        Case("+1 point, 90 %, errors alike", 0.90, 0.01, 0.9, 10_000),
        Case("+1 point, 80 %, errors alike", 0.80, 0.01, 0.9, 10_000),
        Case("equal, 95 %, errors alike", 0.95, 0.0, 0.9, 300),
        Case("+1 point, 95 %, errors alike", 0.95, 0.01, 0.9, 300),
        Case("+3 points, 95 %, errors alike", 0.95, 0.03, 0.9, 300),
        Case("+10 points, 80 %, errors alike", 0.80, 0.10, 0.9, 300),
    ]


def run_case(case: Case, limits: Limits, n_nights: int, seed: int) -> None:
    """Simulate a case's nights and print its line."""
    cells = find_cells(case)
    rng = np.random.default_rng(seed)
    per_class = np.full(N_CLASSES, case.n_rows // N_CLASSES)
    shares = [cells.both, cells.gained, cells.lost, cells.neither]
    verdicts: Counter[str] = Counter()
    n_higher = n_borderline = 0
    started = time.perf_counter()
    for night in range(n_nights):
        counts = rng.multinomial(per_class, shares)  # a row for each class
        decision = judge_night(counts, limits, seed=night)
        verdicts[decision.verdict] += 1
        n_borderline += decision.borderline
        n_higher += decision.challenger.score > decision.champion.score
    taken = (time.perf_counter() - started) / n_nights * 1000
    promoted = verdicts["promote"] / n_nights
    error = 1.96 * math.sqrt(promoted * (1 - promoted) / n_nights)
    name = f"{case.name} (r = {case.correlation:g})"
    print(
        f"{name:<46} {case.n_rows:>6,} {cells.discordant:>10.2%} {promoted:>9.2%} {error:>6.2%} "
        f"{n_higher / n_nights:>11.2%} {n_borderline / n_nights:>10.2%} {taken:>8.2f}"
    )


def judge_night(counts, limits: Limits, seed: int):
    """Judge one night: counts of shape (n_classes, 4) of right by both, one, the other, none."""
    _, gained, lost, _ = (int(n) for n in counts.sum(axis=0))
    n_rows = int(counts.sum())
    n_both = int(counts[:, 0].sum())
    recalls = (counts[:, [0, 0]] + counts[:, [1, 2]]) / counts.sum(axis=1, keepdims=True)
    groups = [
        Group(
            by="class",
            column=None,
            value=str(place),
            n_rows=int(row.sum()),
            challenger=float(recall[0]),
            champion=float(recall[1]),
            loss=float(recall[1] - recall[0]),
        )
        for place, (row, recall) in enumerate(zip(counts, recalls, strict=True))
    ]
    return decide(
        metric="accuracy",
        is_error=False,
        limits=limits,
        n_holdout=n_rows,
        challenger=Contender("challenger", (n_both + gained) / n_rows),
        champion=Contender("1", (n_both + lost) / n_rows),
        baselines=[],
        trial=SERVES,
        paired=compare_hits(gained, lost, n_rows, significance=limits.significance, seed=seed),
        groups=groups,
    )


def find_cells(case: Case) -> Cells:
    """Find how likely each outcome of a row is.

    A model is right where its skill on the row, a standard normal value that correlates with the other
    model's, is below the quantile of its accuracy (a Gaussian copula).
    """
    challenger = case.champion + case.gain
    covariance = [[1.0, case.correlation], [case.correlation, 1.0]]
    both = float(
        multivariate_normal.cdf(norm.ppf([challenger, case.champion]), cov=np.array(covariance))
    )
    gained, lost = challenger - both, case.champion - both
    return Cells(both, gained, lost, 1.0 - both - gained - lost)


def measure_correlations(file: Path) -> None:
    """Train small networks on MNIST and print the correlation with which pairs of them err."""
    from sklearn.neural_network import MLPClassifier

    data = np.load(file)
    X, X_test = (data[name].reshape(-1, 784) / 255.0 for name in ("x_train", "x_test"))
    places = np.random.default_rng(0).permutation(len(X))
    trained = {
        "another seed": (places[:8000], 64, 2),
        "twice the units": (places[:8000], 128, 4),
        "an eighth more rows": (places[:9000], 64, 5),
        "other rows": (places[8000:16000], 64, 3),
    }

    def find_hits(rows, n_units: int, seed: int):
        network = MLPClassifier((n_units,), max_iter=15, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 15 epochs are not quite enough
            network.fit(X[rows], data["y_train"][rows])
        return network.predict(X_test) == data["y_test"]

    first = find_hits(places[:8000], 64, 1)
    print(f"a network of 64 units, 8,000 images: {first.mean():.2%} of {len(first):,} right")
    for name, how in trained.items():
        second = find_hits(*how)
        print(
            f"{name:<20} {second.mean():.2%} right, on {(first != second).mean():.2%} of the rows one "
            f"alone, r = {find_correlation(first, second):.2f}"
        )


def find_correlation(first, second) -> float:
    """Find the correlation with which two models are right together as often as they were."""
    champion, gain = float(first.mean()), float(second.mean() - first.mean())
    both = float((first & second).mean())
    return brentq(lambda r: find_cells(Case("", champion, gain, r, 0)).both - both, -0.5, 0.999)


if __name__ == "__main__":
    main()
