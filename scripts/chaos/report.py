"""The accounting table at the end of a run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scripts.chaos.accounting import Accounts
from scripts.chaos.bars import Line, at_most, none_of, told
from scripts.chaos.follower import Follower
from scripts.chaos.ledger import Ledger, Reply
from scripts.chaos.process_tree import Usage
from scripts.chaos.weather import Weather

FATES = ("accepted", "completed", "failed", "cancelled", "replaced", "erased")
FINDINGS = (
    "lost",
    "doubled",
    "unfinished",
    "wrong transcript",
    "overwritten edit",
    "failed without a reason",
    "cancelled by nobody",
    "left of an erased session",
    "orphan files",
    "orphan chunks",
    "orphan transcripts",
    "missing recordings",
    "upload markers",
)
RECLAIM_SECONDS = 45.0
HUNG_MONGOD_SECONDS = 3.5
UPLOAD_WITHOUT_REDIS_SECONDS = 2.0
CATCH_UP_SECONDS = 1.0
# Of a whole part, over a run: caches fill and pools grow, but not without end.
MORE_THREADS, MORE_DESCRIPTORS = 60, 120


@dataclass(slots=True)
class Run:
    """Everything that was seen in a run."""

    accounts: Accounts
    ledger: Ledger
    weather: Weather
    followers: list[Follower] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    resurrected: list[str] = field(default_factory=list)
    reclaim_seconds: list[float] = field(default_factory=list)
    never_reclaimed: int = 0
    drain_seconds: float | None = None
    left_behind: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    revived: list[str] = field(default_factory=list)
    usage: Mapping[str, tuple[Usage, Usage]] = field(default_factory=dict)


def lines_of(run: Run) -> list[Line]:
    """The whole table."""
    return [*_faults(run), *_answers(run), *_sockets(run), *_times(run), *_processes(run)]


def _faults(run: Run) -> list[Line]:
    deeds = [f"{kind} x{number}" for kind, number in sorted(run.ledger.counts.items())]
    return [
        *(told(f"fault: {kind}", f"x{number}") for kind, number in sorted(run.weather.counts().items())),
        told("candidates", ", ".join(deeds) or "only answered"),
    ]


def _answers(run: Run) -> list[Line]:
    fates, failures = run.accounts.fates, run.accounts.failures
    reasons = ", ".join(f"{code} x{number}" for code, number in failures.items())
    total = sum(number for name, number in fates.items() if name != "accepted")
    kinds = [*FINDINGS, *sorted(set(run.accounts.findings) - set(FINDINGS))]
    return [
        told("interviews", len(run.ledger.interviews)),
        *(told(name, f"{fates[name]} ({reasons})" if name == "failed" and reasons else fates[name]) for name in FATES),
        Line("the sum of these, with the lost and unfinished", str(total), "accepted", total == fates["accepted"]),
        Line("some were accepted and completed", str(fates["completed"]), "> 0", fates["completed"] > 0),
        *(none_of(kind, run.accounts.findings.get(kind, [])) for kind in kinds),
        none_of("erased and back again", run.resurrected),
        none_of("unexpected replies", run.ledger.surprises),
    ]


def _sockets(run: Run) -> list[Line]:
    told_back = [each.session_id for each in run.followers if each.went_back]
    calm = [
        seconds
        for each in run.followers
        for began, seconds in list(each.catch_ups)
        if run.weather.is_calm(began, began + seconds)
    ]
    return [
        told(
            "sockets followed", f"{len(run.followers)}, {sum(len(each.catch_ups) for each in run.followers)} connects"
        ),
        none_of("sockets that know other than the database", run.stale),
        none_of("sockets that were told an older state", told_back),
        at_most("catching up after a cut, in calm", calm, CATCH_UP_SECONDS, share=0.95),
    ]


def _times(run: Run) -> list[Line]:
    drained = "never" if run.drain_seconds is None else f"{run.drain_seconds:.1f} s"
    return [
        Line("all work done after the storm", drained, "≤ 180 s", run.drain_seconds is not None),
        at_most("claimed again after a kill or freeze", run.reclaim_seconds, RECLAIM_SECONDS),
        Line("never claimed again", str(run.never_reclaimed), "0", run.never_reclaimed == 0),
        at_most("503 while mongod hangs", _while(run, "mongod hung", {503}), HUNG_MONGOD_SECONDS),
        at_most("uploads while Redis is away", _uploads_without_redis(run), UPLOAD_WITHOUT_REDIS_SECONDS, share=0.99),
        told("uploads in calm", at_most("", _calm_uploads(run.ledger.replies, run.weather), 1, share=0.99).value),
        told("replies", _statuses(run.ledger.replies)),
    ]


def _while(run: Run, kind: str, statuses: set[int]) -> list[float]:
    return [
        each.seconds
        for each in run.ledger.replies
        if each.status in statuses and run.weather.is_only(kind, each.began, each.began + each.seconds)
    ]


def _uploads_without_redis(run: Run) -> list[float]:
    return [
        each.seconds
        for each in run.ledger.replies
        if each.what == "upload"
        and each.status == 202
        and run.weather.is_only("redis", each.began, each.began + each.seconds)
    ]


def _calm_uploads(replies: Iterable[Reply], weather: Weather) -> list[float]:
    return [
        each.seconds
        for each in replies
        if each.what == "upload" and each.status == 202 and weather.is_calm(each.began, each.began + each.seconds)
    ]


def _statuses(replies: Iterable[Reply]) -> str:
    counts: dict[int, int] = {}
    for each in replies:
        counts[each.status] = counts.get(each.status, 0) + 1
    names = {0: "no reply"}
    return ", ".join(f"{names.get(status, status)} x{number}" for status, number in sorted(counts.items()))


def _processes(run: Run) -> list[Line]:
    lines = [
        none_of("processes left behind", run.left_behind),
        none_of("processes that did not stop when asked", run.hung),
        told("started again after an end of their own", len(run.revived)),
    ]
    for name, (before, after) in run.usage.items():
        value = (
            f"threads {before.threads} → {after.threads}, files {before.descriptors} → {after.descriptors}, "
            f"{before.resident_mb:.0f} → {after.resident_mb:.0f} MB"
        )
        is_met = (
            after.threads - before.threads <= MORE_THREADS
            and after.descriptors - before.descriptors <= MORE_DESCRIPTORS
        )
        lines.append(Line(name, value, f"+{MORE_THREADS}, +{MORE_DESCRIPTORS}", is_met))
    return lines
