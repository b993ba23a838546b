"""Temperature statistics: reads the measurements and says how warm each town was, and how sure that is."""

import csv
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean


@dataclass(frozen=True, slots=True)
class Summary:
    """What one town's year looked like, in degrees Celsius."""

    town: str
    days: int
    coldest: float
    mean: float
    warmest: float
    low: float  # the true mean lies between low and high with a probability of 95 %
    high: float


def read_measurements(path: Path) -> tuple[dict[str, list[float]], int]:
    """Return the temperatures of each town, and how many days are without one."""
    towns: dict[str, list[float]] = {}
    missing = 0
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            temperatures = towns.setdefault(row["town"], [])
            if row["celsius"]:
                temperatures.append(float(row["celsius"]))
            else:
                missing += 1
    return towns, missing


def mean_interval(temperatures: list[float], resamples: int, seed: int = 1) -> tuple[float, float]:
    """Return the 95 % interval of the mean by bootstrap; the same seed gives the same answer."""
    chance = random.Random(seed)
    size = len(temperatures)
    means = sorted(fmean(chance.choices(temperatures, k=size)) for _ in range(resamples))
    edge = int(resamples * 0.025)
    return means[edge], means[-1 - edge]


def summarise(town: str, temperatures: Iterable[float], resamples: int) -> Summary:
    """Describe one town's year; a town without any temperature is refused with ValueError."""
    known = list(temperatures)
    if not known:
        raise ValueError(f"{town} has no temperatures")
    low, high = mean_interval(known, resamples)
    return Summary(town, len(known), min(known), fmean(known), max(known), low, high)
