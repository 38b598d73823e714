"""What was heard of a recording so far: the "<answer id>:partial" document among the transcripts.

It lives as long as the answer is open, and beside a failed answer's recording for a retry by hand; a revision it never
is (it has no number). Each write of it is one transaction with the answer's own, which carries the claim's token: a
late worker changes neither. What is written here is no pipeline, so strings are stored as they are.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pymongo.client_session import ClientSession

from services.errors import TranscriptionFailed
from services.models import Claim, HeardWindow, Hints, Plan, WhisperModel
from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.expressions import REMOVE
from services.storage.fence import Fence
from services.storage.heard_windows import as_document, as_heard, as_plan, text_of
from services.storage.partials import id_of_partial

# A window that its worker did not survive so often is not heard again.
MAX_CRASHES_IN_A_WINDOW = 2


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A recording as far as it was heard.

    `windows` are those that were heard, by their place in the plan; `failures` the class of the error of those whose
    last try failed; `crashes` how often a worker ended in one. `language` is that of the first window heard in which
    something was said. `timing` is what was spent beside hearing, in seconds by stage. `next_window` is known to be the
    one whose turn it is.
    """

    plan: Plan
    windows: Mapping[int, HeardWindow] = field(default_factory=dict)
    failures: Mapping[int, str] = field(default_factory=dict)
    crashes: Mapping[int, int] = field(default_factory=dict)
    language: str | None = None
    language_probability: float | None = None
    timing: Mapping[str, float] = field(default_factory=dict)
    next_window: int | None = None

    @property
    def crashed(self) -> frozenset[int]:
        """The windows that no worker should try again."""
        return frozenset(index for index, count in self.crashes.items() if count >= MAX_CRASHES_IN_A_WINDOW)


@dataclass(slots=True)
class Heard:
    """What one write adds. `next_window` is the one whose turn is now: if this worker ends, it ended in that one."""

    next_window: int | None
    windows: dict[int, HeardWindow] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)
    language: str | None = None
    language_probability: float | None = None


class CheckpointStore:
    """The partial documents of the `transcripts` collection; how they go is up to what ends their answers."""

    def __init__(self, database: MongoDatabase, *, lease_seconds: float) -> None:
        self._fence = Fence(database, lease_seconds=lease_seconds)
        self._transcripts = database["transcripts"]
        self._client = database.client

    @reaching_mongodb
    def begin(self, claim: Claim, plan: Plan, model: WhisperModel, timing: Mapping[str, float]) -> Checkpoint:
        """Begin with the first window; what was there of another model or by other hints is thrown away."""
        document = {
            "_id": id_of_partial(claim.ref.answer_id),
            "session_id": claim.ref.session_id,
            "answer_id": claim.ref.answer_id,
            "model": asdict(model),
            "hints": _as_document(claim.hints),
            "plan": asdict(plan),
            "windows": {},
            "failures": {},
            "crashes": {},
            "crashes_seen": claim.crashes,
            "next_window": 0,
            "timing": dict(timing),
        }

        def together(transaction: ClientSession) -> None:
            changed = {"progress": _progress(0, len(plan.windows)), "partial_texts": REMOVE}
            self._fence.renew(claim, changed, transaction)
            self._transcripts.replace_one({"_id": document["_id"]}, document, upsert=True, session=transaction)

        in_transaction(self._client, together)
        return Checkpoint(plan, timing=timing, next_window=0)

    @reaching_mongodb
    def planned_by(self, answer_id: str) -> WhisperModel | None:
        """Which model an answer was planned by; None where it was not."""
        found = self._transcripts.find_one({"_id": id_of_partial(answer_id)}, {"model": 1})
        return None if found is None else WhisperModel(**found["model"])

    @reaching_mongodb
    def resume(self, claim: Claim, model: WhisperModel) -> Checkpoint | None:
        """Where an earlier attempt stopped; None where there was none, or by another model or other hints.

        A crash since then is put down to the window whose turn it was.
        """
        where = {
            "_id": id_of_partial(claim.ref.answer_id),
            "model": asdict(model),
            "hints": _as_document(claim.hints),
        }

        def together(transaction: ClientSession) -> Checkpoint | None:
            found = self._transcripts.find_one(where, session=transaction)
            if found is None:
                return None
            crashes = _with_new_crash(found, claim.crashes)
            checkpoint = _as_checkpoint({**found, "crashes": crashes})
            done = len({*checkpoint.windows, *checkpoint.crashed})
            texts = {str(index): text for index, each in checkpoint.windows.items() if (text := text_of(each))}
            changed = {
                "progress": _progress(done, len(checkpoint.plan.windows)),
                "partial_texts": texts or REMOVE,
            }
            self._fence.renew(claim, changed, transaction)
            # Nothing is heard yet: a worker that ends while it decodes again did not end in a window.
            seen = {"crashes": crashes, "crashes_seen": claim.crashes, "next_window": None}
            self._transcripts.update_one({"_id": where["_id"]}, {"$set": seen}, session=transaction)
            return checkpoint

        return in_transaction(self._client, together)

    @reaching_mongodb
    def save(self, claim: Claim, heard: Heard, *, windows_done: int, windows_total: int) -> None:
        """Add what was heard, tell how far that is and extend the lease, all or nothing; raises `LeaseLost`."""
        texts = {f"partial_texts.{index}": text for index, each in heard.windows.items() if (text := text_of(each))}
        change = _change_of(heard)

        def together(transaction: ClientSession) -> None:
            self._fence.renew(claim, {"progress": _progress(windows_done, windows_total), **texts}, transaction)
            where = {"_id": id_of_partial(claim.ref.answer_id)}
            if not self._transcripts.update_one(where, change, session=transaction).matched_count:
                raise TranscriptionFailed("What was heard so far is gone.")

        in_transaction(self._client, together)


def _progress(done: int, total: int) -> dict[str, Any]:
    return {"stage": "transcribing", "windows_done": done, "windows_total": total}


def _as_document(hints: Hints) -> Document:
    return {**asdict(hints), "task": str(hints.task), "vocabulary": list(hints.vocabulary)}


def _change_of(heard: Heard) -> Document:
    changed: Document = {"next_window": heard.next_window}
    changed |= {f"windows.{index}": as_document(each) for index, each in heard.windows.items()}
    changed |= {f"failures.{index}": name for index, name in heard.failures.items()}
    if heard.language is not None:
        changed |= {"language": heard.language, "language_probability": heard.language_probability}
    change: Document = {"$set": changed}
    if heard.windows:
        change["$unset"] = {f"failures.{index}": "" for index in heard.windows}
    if heard.timing:
        change["$inc"] = {f"timing.{stage}": seconds for stage, seconds in heard.timing.items()}
    return change


def _with_new_crash(found: Document, crashes: int) -> dict[str, int]:
    """A retry by hand counts from zero again, and is no crash."""
    counted = dict(found["crashes"])
    if crashes > found["crashes_seen"] and found["next_window"] is not None:
        index = str(found["next_window"])
        counted[index] = counted.get(index, 0) + 1
    return counted


def _as_checkpoint(found: Document) -> Checkpoint:
    return Checkpoint(
        plan=as_plan(found["plan"]),
        windows={int(index): as_heard(each) for index, each in found["windows"].items()},
        failures={int(index): name for index, name in found["failures"].items()},
        crashes={int(index): count for index, count in found["crashes"].items()},
        language=found.get("language"),
        language_probability=found.get("language_probability"),
        timing=found["timing"],
    )
