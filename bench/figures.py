"""What is made of measurements: medians, ratios within a round, spreads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run of the load against one receiver.

    Attributes:
        rate: good answers a second.
        p50, p99: milliseconds from a request's first byte to its answer's last.
        cpu: microseconds of the receiver's own CPU a good answer.
        api_cpu, etcd_cpu, controllers_cpu: the control plane's, where there is a real one; the scheduler's in the last.
        rss: MiB of the receiver after the run.
        calibration: rounds a millisecond of a fixed loop, before and after, on the receiver's core.
        others: the part of all cores that neither receiver, load nor API server used but somebody else did.
        bad: answers that were no 2xx, and connections that broke, in words; empty is good.
    """

    rate: float
    p50: float
    p99: float
    cpu: float
    api_cpu: float | None = None
    etcd_cpu: float | None = None
    controllers_cpu: float | None = None
    rss: float
    calibration: tuple[float, float]
    others: float
    bad: str = ""

    @property
    def part(self) -> float | None:
        """The receiver's, of all CPU that goes into an event and the Job that it makes."""
        return self._among(self.api_cpu, self.etcd_cpu, self.controllers_cpu)

    @property
    def part_of_way(self) -> float | None:
        """The same where the controllers do not count, which only come to the Job after the answer."""
        return self._among(self.api_cpu, self.etcd_cpu)

    def _among(self, *others: float | None) -> float | None:
        known = [one for one in others if one is not None]
        return self.cpu / (self.cpu + sum(known)) if len(known) == len(others) else None

    @property
    def noisy(self) -> bool:
        """Whether the machine changed its speed meanwhile, or somebody else was at work."""
        before, after = self.calibration
        return abs(before - after) > 0.15 * max(before, after) or self.others > 0.15


Series = Sequence[Measured]


def middle(series: Series, name: str) -> float:
    """The median of one figure; not a number where there is none."""
    values = [value for one in series if (value := getattr(one, name)) is not None]
    return median(values) if values else float("nan")


def ratio(series: Series, base: Series) -> float | None:
    """How many times as fast as `base`: the median of the rounds' ratios, as the two were neighbours in each."""
    ratios = [one.rate / other.rate for one, other in zip(series, base, strict=False) if other.rate]
    return median(ratios) if ratios else None


def by_cpu(series: Series, base: Series) -> float | None:
    """How many times as little CPU a good answer takes: steadier than `ratio` where others are at work."""
    ratios = [other.cpu / one.cpu for one, other in zip(series, base, strict=False) if one.cpu]
    return median(ratios) if ratios else None


def at(values: Sequence[float], part: float) -> float:
    """A percentile, by nearest rank.

    >>> at([4, 1, 3, 2], 0.5), at(range(1, 201), 0.99)
    (2, 198)
    """
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]


def spread(values: Sequence[float]) -> float:
    """The distance of the extremes in parts of the median.

    >>> spread([90, 100, 120])
    0.3
    """
    return (max(values) - min(values)) / median(values) if values else 0.0


def growth(samples: Sequence[float]) -> float:
    """How much more the last quarter holds than the second, in the samples' unit: a cache may fill in the first.

    >>> growth([10, 50, 60, 60, 61, 61, 61, 61])
    1.0
    """
    quarter = max(1, len(samples) // 4)
    return median(samples[-quarter:]) - median(samples[quarter : 2 * quarter])


def plain(series: Series) -> list[dict[str, Any]]:
    """For the file of results."""
    return [asdict(one) | {"noisy": one.noisy, "part": one.part, "part_of_way": one.part_of_way} for one in series]
