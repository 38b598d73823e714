"""Figures of work, for Prometheus. Read from the database when somebody scrapes: workers have no page of their own."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from services.counting import BUCKETS_SECONDS
from services.figures import Told
from services.storage.counters import Counter
from services.storage.queues import Depth

# What each kind of work is told apart by.
LABELS = {"feedback": "provider", "transcription": "whisper_model"}
SECONDS = {
    "feedback": "How long scoring an answer took, by the provider that did.",
    "transcription": "How long a worker was busy with an answer in the attempt that transcribed it.",
}


class WorkMetrics(Collector):
    """True in every process that is scraped, and the same in all of them: take the maximum, not the sum."""

    def __init__(self, told: Callable[[], Told]) -> None:
        self._told = told

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        told = self._told()
        is_there = GaugeMetricFamily("parley_database_up", "Whether the database answered this scrape.")
        is_there.add_metric([], float(told.is_there))
        yield is_there
        for kind, label in LABELS.items():
            yield from _of_work(kind, label, [each for each in told.counters if each.kind == kind])
        yield from _of_queues(told.depths or {})


def _of_work(kind: str, label: str, counters: list[Counter]) -> Iterator[Metric]:
    seconds = HistogramMetricFamily(f"parley_{kind}_seconds", SECONDS[kind], labels=[label])
    errors = CounterMetricFamily(f"parley_{kind}_errors", f"Failures ({kind}), by code.", labels=[label, "code"])
    fallbacks = CounterMetricFamily(
        f"parley_{kind}_fallbacks", "Answers that another provider scored instead, by code.", labels=[label, "code"]
    )
    audio = CounterMetricFamily("parley_transcribed_audio_seconds", "Audio that was transcribed.", labels=[label])
    for counter in counters:
        counts = counter.counts
        if "ended" in counts:
            seconds.add_metric([counter.label], _buckets(counts.get("buckets", {})), counts["seconds"])
        for family, name in ((errors, "errors"), (fallbacks, "fallbacks")):
            for code, times in sorted(counts.get(name, {}).items()):
                family.add_metric([counter.label, code], times)
        if "audio_seconds" in counts:
            audio.add_metric([counter.label], counts["audio_seconds"])
    yield from (seconds, errors)
    yield fallbacks if kind == "feedback" else audio


def _buckets(counted: Mapping[str, float]) -> list[tuple[str, float]]:
    """Each with all that took less."""
    buckets, below = [], 0.0
    for place, end in enumerate((*BUCKETS_SECONDS, float("inf"))):
        below += counted.get(str(place), 0)
        buckets.append(("+Inf" if end == float("inf") else str(float(end)), below))
    return buckets


def _of_queues(depths: Mapping[str, Depth]) -> Iterator[Metric]:
    depth = GaugeMetricFamily("parley_queue_depth", "Work that is not finished.", labels=["queue", "state"])
    overdue = GaugeMetricFamily(
        "parley_queue_overdue_seconds",
        "For how long the oldest work should have been looked after by somebody; 0 while all is well.",
        labels=["queue"],
    )
    for queue, found in depths.items():
        depth.add_metric([queue, "waiting"], found.waiting)
        depth.add_metric([queue, "working"], found.working)
        overdue.add_metric([queue], found.overdue_seconds)
    yield from (depth, overdue)
