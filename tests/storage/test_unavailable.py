"""With no database there, every call ends in time and as our own error."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from secrets import token_hex

import pymongo
import pytest
from bson import ObjectId
from pymongo.errors import DuplicateKeyError, OperationFailure

from services.errors import Unavailable
from services.feedback.report import composed
from services.grants import Grant
from services.models import AnswerRef, Caller, Claim, HeardWindow, Hints, Plan, Session, Status
from services.search_queries import SearchQuery
from services.storage.acceptance import AcceptanceStore
from services.storage.answers import AnswerStore
from services.storage.audio import AudioStore
from services.storage.audit import AuditRow, AuditStore
from services.storage.backfill import Backfill
from services.storage.checkpoints import CheckpointStore, Heard
from services.storage.client import connect, is_replica_set, may_pass, ping, reaching_mongodb
from services.storage.consents import ConsentStore
from services.storage.counters import CounterStore
from services.storage.decisions import DecisionStore
from services.storage.feedback_jobs import FeedbackJobStore
from services.storage.feedback_reports import FeedbackReportStore
from services.storage.flags import FlagStore
from services.storage.idempotency import Attempt, IdempotencyStore
from services.storage.indexes import ensure_indexes
from services.storage.jobs import JobStore
from services.storage.kept_uploads import KeptUpload, KeptUploadStore
from services.storage.links import LinkStore
from services.storage.open_answers import OpenAnswer, OpenAnswerStore
from services.storage.opinions import ErrorReport, OpinionStore, Rating, Told
from services.storage.outboxes import OutboxStore
from services.storage.outside_transcripts import OutsideTranscriptStore
from services.storage.quality import QualityStore
from services.storage.queues import QueueStore
from services.storage.retention_rules import OldSessionStore, RetentionRule, RetentionRuleStore
from services.storage.revisions import RevisionStore
from services.storage.search import SearchStore
from services.storage.sessions import SessionStore
from services.storage.signing_key import SigningKeyStore
from services.storage.streamed_uploads import StreamedUploadStore
from services.storage.submissions import SubmissionStore
from services.storage.tickets import TicketStore
from services.storage.tokens import TokenStore
from services.storage.transcripts import TranscriptStore
from services.storage.typed_answers import TypedAnswerStore
from services.storage.uploads import UploadStore
from services.storage.usage import UsageStore
from services.storage.webhook_deliveries import DeliveryStore, Outcome
from services.storage.webhook_marks import MarkStore
from services.storage.webhooks import Webhook, WebhookStore
from services.storage.worker_keys import WorkerKey, WorkerKeyStore
from services.storage.workers import WorkerState, WorkerStore
from tests.factories import recording_of
from tests.stores import MODEL, Stores, answer_document, build_stores, transcript_of

NOW = datetime.now(UTC)
REF = AnswerRef("s", "q1", "a")
CLAIM = Claim(REF, "token", "holder", token_hex(12), Hints(), 1, 0)
ANSWER = answer_document(recording_of(b"RIFF"), token_hex(12), "owner")
ATTEMPT = Attempt("key", "token", "fingerprint", is_ours=True)
SESSION = Session("s", "owner", (), {}, 0, NOW)
ADA = Caller("ada")
TOLD = Told("s", "q1", "a", 1, "model", "owner", NOW)
KEY = WorkerKey("key", "ada", "gpu 1", NOW, "owner", NOW)
GRANT = Grant(ADA, "hash", NOW)
KEPT = KeptUpload("key", "s", "q1", CLAIM.file_id, 4, "0" * 64, "audio/wav")
ROW = AuditRow(str(ObjectId()), NOW, "a", "ada", "admin", None, None, {})


def deliveries(to: Stores) -> DeliveryStore:
    return DeliveryStore(to.database, lease_seconds=60)


def feedback_jobs(to: Stores) -> FeedbackJobStore:
    return FeedbackJobStore(to.database, lease_seconds=60)


def outside(to: Stores) -> OutsideTranscriptStore:
    return OutsideTranscriptStore(to.database)


WEBHOOK = Webhook("w", "ada", "https://a.example/", (), "", NOW, (b"sealed",))

CALLS: dict[str, Callable[[Stores], object]] = {
    "AcceptanceStore.accept": lambda to: to.acceptance.accept(REF, ANSWER),
    "AcceptanceStore.has_receipt": lambda to: to.acceptance.has_receipt("answer"),
    "AnswerStore.claim": lambda to: to.answers.claim(REF, "holder"),
    "AnswerStore.hold": lambda to: to.answers.hold(CLAIM),
    "AnswerStore.give_back": lambda to: to.answers.give_back(REF, "token"),
    "AnswerStore.release": lambda to: to.answers.release(CLAIM),
    "AnswerStore.fail": lambda to: to.answers.fail(CLAIM, code="c", message="m", keeps_audio=True),
    "AnswerStore.complete": lambda to: to.answers.complete(CLAIM, transcript_of(), MODEL),
    "AnswerStore.forget_audio": lambda to: to.answers.forget_audio(REF, CLAIM.file_id),
    "AudioStore.save_chunks": lambda to: to.audio.save_chunks(ObjectId(), b"RIFF"),
    "AudioStore.read": lambda to: to.audio.read(CLAIM.file_id),
    "AudioStore.delete": lambda to: to.audio.delete(CLAIM.file_id),
    "AudioStore.with_status": lambda to: to.audio.with_status("stored", before=NOW),
    "AudioStore.chunks_without_file": lambda to: to.audio.chunks_without_file(NOW),
    "CheckpointStore.begin": lambda to: to.checkpoints.begin(CLAIM, Plan(1.0, (), ()), MODEL, {}),
    "CheckpointStore.planned_by": lambda to: to.checkpoints.planned_by("answer"),
    "CounterStore.add": lambda to: CounterStore(to.database).add("kind", "label", {"ended": 1}),
    "CounterStore.all": lambda to: CounterStore(to.database).all(),
    "QueueStore.depths": lambda to: QueueStore(to.database).depths(),
    "FlagStore.changes": lambda to: FlagStore(to.database).changes(),
    "FlagStore.change": lambda to: FlagStore(to.database).change("flag", 1.0),
    "FlagStore.take_back": lambda to: FlagStore(to.database).take_back("flag"),
    "CheckpointStore.resume": lambda to: to.checkpoints.resume(CLAIM, MODEL),
    "CheckpointStore.save": lambda to: to.checkpoints.save(
        CLAIM, Heard(None, {0: HeardWindow(())}), windows_done=1, windows_total=1
    ),
    "DecisionStore.cancel": lambda to: DecisionStore(to.database).cancel(REF),
    "DecisionStore.mark_failed": lambda to: DecisionStore(to.database).mark_failed(REF, code="c", message="m"),
    "DecisionStore.retry": lambda to: DecisionStore(to.database).retry(REF),
    "DecisionStore.standing": lambda to: DecisionStore(to.database).standing(REF),
    "TypedAnswerStore.accept": lambda to: TypedAnswerStore(to.database).accept(
        REF, {"transcript": "t"}, text_sha256=""
    ),
    "OutsideTranscriptStore.waiting": lambda to: outside(to).waiting("ada", Status.QUEUED, after=None, limit=1),
    "OutsideTranscriptStore.find": lambda to: outside(to).find("ada", "answer"),
    "OutsideTranscriptStore.answer_of": lambda to: outside(to).answer_of(REF),
    "OutsideTranscriptStore.write": lambda to: outside(to).write(REF, {"transcript": "t"}),
    "WorkerKeyStore.add": lambda to: WorkerKeyStore(to.database).add("hash", KEY),
    "WorkerKeyStore.list_of": lambda to: WorkerKeyStore(to.database).list_of("ada", NOW),
    "WorkerKeyStore.find": lambda to: WorkerKeyStore(to.database).find("key"),
    "WorkerKeyStore.delete": lambda to: WorkerKeyStore(to.database).delete("key"),
    "WorkerKeyStore.delete_of": lambda to: WorkerKeyStore(to.database).delete_of("ada"),
    "OpenAnswerStore.server_time": lambda to: to.open.server_time(),
    "LinkStore.replace": lambda to: LinkStore(to.database).replace(ADA, "s", token_hash="hash", expires_at=NOW),
    "LinkStore.revoke": lambda to: LinkStore(to.database).revoke(ADA, "s", NOW),
    "OpenAnswerStore.due": lambda to: to.open.due(NOW),
    "OpenAnswerStore.all": lambda to: to.open.all(),
    "OpenAnswerStore.postpone": lambda to: to.open.postpone(OpenAnswer(REF, NOW, None), 1),
    "OpenAnswerStore.release_held_by": lambda to: to.open.release_held_by("holder"),
    "RevisionStore.list_of": lambda to: RevisionStore(to.database).list_of("answer"),
    "Backfill.go_on": lambda to: Backfill(to.database).go_on(),
    "SearchStore.candidates": lambda to: SearchStore(to.database).candidates("ada", SearchQuery((("a",),)), None),
    "SearchStore.read": lambda to: SearchStore(to.database).read("ada", ["answer"]),
    "OpinionStore.rate": lambda to: OpinionStore(to.database).rate(Rating(TOLD, 5)),
    "OpinionStore.unrate": lambda to: OpinionStore(to.database).unrate("answer", "owner"),
    "OpinionStore.ratings": lambda to: OpinionStore(to.database).ratings(["answer"]),
    "OpinionStore.count_reports": lambda to: OpinionStore(to.database).count_reports("answer", at_most=1),
    "OpinionStore.report": lambda to: OpinionStore(to.database).report(ErrorReport("r", TOLD, 0, 1, "wrong", "")),
    "OpinionStore.reports": lambda to: OpinionStore(to.database).reports(["answer"]),
    "QualityStore.count_texts": lambda to: QualityStore(to.database).count_texts(),
    "QualityStore.texts": lambda to: QualityStore(to.database).texts("", limit=1),
    "QualityStore.of_models": lambda to: QualityStore(to.database).of_models(NOW, None),
    "RevisionStore.of_session": lambda to: RevisionStore(to.database).of_session("s"),
    "RevisionStore.first": lambda to: RevisionStore(to.database).first("answer"),
    "RevisionStore.find": lambda to: RevisionStore(to.database).find("answer", 1),
    "SessionStore.create": lambda to: to.sessions.create(SESSION, {}),
    "SessionStore.find": lambda to: to.sessions.find(ADA, "s"),
    "SessionStore.find_unguarded": lambda to: to.sessions.find_unguarded("s"),
    "SessionStore.find_by_link": lambda to: to.sessions.find_by_link("hash", NOW),
    "SessionStore.list_of": lambda to: to.sessions.list_of("ada", before=None, limit=1),
    "FeedbackJobStore.start": lambda to: feedback_jobs(to).start(SESSION, request_id=None, again_if_failed=True),
    "FeedbackJobStore.find": lambda to: feedback_jobs(to).find("s"),
    "FeedbackJobStore.wake": lambda to: feedback_jobs(to).wake("s"),
    "FeedbackJobStore.finish": lambda to: feedback_jobs(to).finish(SESSION, "token", composed(SESSION, {})),
    "FeedbackJobStore.keep": lambda to: feedback_jobs(to).keep("s", "token", "q1", {}),
    "FeedbackJobStore.put_off": lambda to: feedback_jobs(to).put_off("s", "token", 1, {}),
    "FeedbackJobStore.fail": lambda to: feedback_jobs(to).fail("s", "token", {"code": "c"}, about=None),
    "FeedbackJobStore.remove": lambda to: feedback_jobs(to).remove("s"),
    "FeedbackReportStore.newest": lambda to: FeedbackReportStore(to.database).newest("s"),
    "FeedbackReportStore.find": lambda to: FeedbackReportStore(to.database).find("s", 1),
    "FeedbackReportStore.list_of": lambda to: FeedbackReportStore(to.database).list_of("s", before=None, limit=1),
    "FeedbackReportStore.all_of": lambda to: FeedbackReportStore(to.database).all_of("s"),
    "SubmissionStore.submit": lambda to: SubmissionStore(to.database).submit("s"),
    "AuditStore.add": lambda to: AuditStore(to.database).add(ROW),
    "AuditStore.list_of": lambda to: AuditStore(to.database).list_of(session_id=None, before=None, limit=1),
    "TicketStore.save": lambda to: TicketStore(to.database).save("hash", "s", GRANT, expires_at=NOW),
    "TicketStore.take": lambda to: TicketStore(to.database).take("hash", "s", NOW),
    "TranscriptStore.restore": lambda to: TranscriptStore(to.database).restore(REF, 1, revision=1),
    "TranscriptStore.edit": lambda to: TranscriptStore(to.database).edit(REF, "text", revision=1),
    "TranscriptStore.remove_unreferenced": lambda to: TranscriptStore(to.database).remove_unreferenced(),
    "TokenStore.save": lambda to: TokenStore(to.database).save("hash", ADA),
    "TokenStore.save_bootstrap": lambda to: TokenStore(to.database).save_bootstrap("hash", ADA),
    "TokenStore.find": lambda to: TokenStore(to.database).find("hash", NOW),
    "TokenStore.save_first": lambda to: TokenStore(to.database).save_first("hash", ADA),
    "TokenStore.delete_of": lambda to: TokenStore(to.database).delete_of("ada"),
    "TokenStore.is_empty": lambda to: TokenStore(to.database).is_empty(),
    "WorkerStore.beat": lambda to: WorkerStore(to.database).beat("w", WorkerState("ready", "", None, False)),
    "WorkerStore.forget": lambda to: WorkerStore(to.database).forget("w"),
    "WorkerStore.alive": lambda to: WorkerStore(to.database).alive(),
    "IdempotencyStore.exists": lambda to: IdempotencyStore(to.database).exists("key"),
    "IdempotencyStore.begin": lambda to: IdempotencyStore(to.database).begin("key", "f", user_id="u", session_id=None),
    "IdempotencyStore.finish": lambda to: IdempotencyStore(to.database).finish(
        ATTEMPT, b"", created_session_id=None, awaits_majority=True
    ),
    "IdempotencyStore.give_up": lambda to: IdempotencyStore(to.database).give_up(ATTEMPT),
    "UsageStore.open_answers": lambda to: UsageStore(to.database).open_answers("owner"),
    "UsageStore.of_day": lambda to: UsageStore(to.database).of_day("owner", NOW),
    "UsageStore.count_bytes": lambda to: UsageStore(to.database).count_bytes("owner", 1),
    "UsageStore.count_audio": lambda to: UsageStore(to.database).count_audio("s", 1.0),
    "UploadStore.begin": lambda to: to.uploads.begin(REF),
    "UploadStore.collect": lambda to: to.uploads.collect(CLAIM.file_id),
    "StreamedUploadStore.begin": lambda to: StreamedUploadStore(to.database, to.uploads).begin(REF),
    "StreamedUploadStore.add": lambda to: StreamedUploadStore(to.database, to.uploads).add(CLAIM.file_id, 0, [b""]),
    "StreamedUploadStore.keep_alive": lambda to: StreamedUploadStore(to.database, to.uploads).keep_alive(CLAIM.file_id),
    "StreamedUploadStore.abandon": lambda to: StreamedUploadStore(to.database, to.uploads).abandon(CLAIM.file_id),
    "JobStore.list_of": lambda to: JobStore(to.database).list_of("ada", status=None, before=None, limit=1),
    "JobStore.find_each": lambda to: JobStore(to.database).find_each(ADA, ["s"]),
    "JobStore.statuses_of_each": lambda to: JobStore(to.database).statuses_of_each(ADA, ["s"]),
    "ConsentStore.save": lambda to: ConsentStore(to.database).save("s", {}),
    "ConsentStore.withdraw": lambda to: ConsentStore(to.database).withdraw("s"),
    "RetentionRuleStore.find": lambda to: RetentionRuleStore(to.database).find("ada"),
    "RetentionRuleStore.save": lambda to: RetentionRuleStore(to.database).save(RetentionRule("ada")),
    "RetentionRuleStore.with_transcript_days": lambda to: RetentionRuleStore(to.database).with_transcript_days(),
    "RetentionRuleStore.with_failed_audio_hours": lambda to: RetentionRuleStore(to.database).with_failed_audio_hours(),
    "OldSessionStore.unchanged_since": lambda to: OldSessionStore(to.database).unchanged_since(
        NOW, owner_id=None, limit=1
    ),
    "AudioStore.read_part": lambda to: to.audio.read_part(CLAIM.file_id, 0),
    "AudioStore.parts": lambda to: list(to.audio.parts(CLAIM.file_id)),
    "UploadStore.store": lambda to: to.uploads.store(REF, b"RIFF"),
    "UploadStore.abandon": lambda to: to.uploads.abandon(CLAIM.file_id),
    "UploadStore.collect_abandoned": lambda to: to.uploads.collect_abandoned(),
    "UploadStore.collect_if_over": lambda to: to.uploads.collect_if_over(CLAIM.file_id),
    "UploadStore.count_kept": lambda to: to.uploads.count_kept("s", at_most=1),
    "KeptUploadStore.require_unused": lambda to: KeptUploadStore(to.database).require_unused("key"),
    "KeptUploadStore.keep": lambda to: KeptUploadStore(to.database).keep(KEPT),
    "KeptUploadStore.find": lambda to: KeptUploadStore(to.database).find("key", "s", "q1"),
    "SigningKeyStore.for_uploads": lambda to: SigningKeyStore(to.database).for_uploads(),
    "ping": lambda to: ping(to.database),
    "is_replica_set": lambda to: is_replica_set(to.database),
    "ensure_indexes": lambda to: ensure_indexes(to.database),
}
CALLS |= {
    "WebhookStore.create": lambda to: WebhookStore(to.database).create(WEBHOOK),
    "WebhookStore.list_of": lambda to: WebhookStore(to.database).list_of("ada"),
    "WebhookStore.find": lambda to: WebhookStore(to.database).find("ada", "w"),
    "WebhookStore.find_unguarded": lambda to: WebhookStore(to.database).find_unguarded("w"),
    "WebhookStore.change": lambda to: WebhookStore(to.database).change("ada", "w", {"disabled": None}),
    "WebhookStore.rotate": lambda to: WebhookStore(to.database).rotate("ada", "w", b"", old_valid_seconds=1),
    "WebhookStore.delete": lambda to: WebhookStore(to.database).delete("ada", "w"),
    "WebhookStore.note_success": lambda to: WebhookStore(to.database).note_success("w"),
    "WebhookStore.note_failure": lambda to: WebhookStore(to.database).note_failure("w", disable_after_seconds=1),
    "WebhookStore.pause": lambda to: WebhookStore(to.database).pause("w", seconds=1),
    "WebhookStore.disable": lambda to: WebhookStore(to.database).disable("w", "gone"),
    "MarkStore.spreading": lambda to: MarkStore(to.database).spreading(),
    "MarkStore.spread_for": lambda to: MarkStore(to.database).spread_for("w", seconds=0),
    "MarkStore.spread": lambda to: MarkStore(to.database).spread("w"),
    "OutboxStore.dispatch": lambda to: OutboxStore(to.database).dispatch("s"),
    "OutboxStore.has_events": lambda to: OutboxStore(to.database).has_events("s"),
    "OutboxStore.left": lambda to: OutboxStore(to.database).left(),
    "DeliveryStore.complete": lambda to: deliveries(to).complete("d", "token", Outcome(204)),
    "DeliveryStore.fail": lambda to: deliveries(to).fail("d", "token", Outcome(410)),
    "DeliveryStore.put_off": lambda to: deliveries(to).put_off("d", "token", Outcome(500), seconds=1),
    "DeliveryStore.add": lambda to: deliveries(to).add({"id": "e", "type": "t", "data": {}}, WEBHOOK),
    "DeliveryStore.next_of": lambda to: deliveries(to).next_of("w"),
    "DeliveryStore.list_of": lambda to: deliveries(to).list_of("w", status=None, before=None, limit=1),
    "DeliveryStore.find": lambda to: deliveries(to).find("w", "e"),
    "DeliveryStore.replay": lambda to: deliveries(to).replay("d"),
    "DeliveryStore.failed_between": lambda to: deliveries(to).failed_between("w", NOW, NOW, limit=1),
    "DeliveryStore.count_by_status": lambda to: deliveries(to).count_by_status(),
    "SigningKeyStore.for_webhooks": lambda to: SigningKeyStore(to.database).for_webhooks(),
}


@pytest.fixture(scope="module")
def away() -> Iterator[Stores]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        database = connect(f"mongodb://127.0.0.1:{bound.getsockname()[1]}/?replicaSet=rs0", "parley")
        with database.client:
            yield build_stores(database)


@pytest.fixture(scope="module")
def outcomes(away: Stores) -> dict[str, Exception | None]:
    """What each call raised. All at once: the driver looks for a server every half second only."""

    def outcome(name: str) -> Exception | None:
        try:
            with pymongo.timeout(0.05):
                CALLS[name](away)
        except Exception as error:  # noqa: BLE001 - which one it was is what the test asks
            return error
        return None

    with ThreadPoolExecutor(len(CALLS)) as callers:
        return dict(zip(CALLS, callers.map(outcome, CALLS), strict=True))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", CALLS)
def test_a_database_that_is_away_is_unavailable(outcomes, name):
    error = outcomes[name]
    assert isinstance(error, Unavailable)
    assert error.message == "The database does not answer at the moment."


@pytest.mark.timeout(10)
def test_a_transaction_too_ends_within_the_time_out_of_a_call(away: Stores, monkeypatch):
    # Left alone, the driver tries a transaction again for 120 s.
    monkeypatch.setattr("services.storage.client.OPERATION_TIMEOUT_MS", 100)
    with pytest.raises(Unavailable):
        away.answers.complete(CLAIM, transcript_of(), MODEL)


def test_every_call_of_every_store_is_in_the_list():
    stores = (
        AcceptanceStore,
        AnswerStore,
        AudioStore,
        AuditStore,
        Backfill,
        CheckpointStore,
        ConsentStore,
        CounterStore,
        DecisionStore,
        FlagStore,
        QueueStore,
        IdempotencyStore,
        JobStore,
        KeptUploadStore,
        LinkStore,
        DeliveryStore,
        MarkStore,
        OutboxStore,
        WebhookStore,
        FeedbackJobStore,
        FeedbackReportStore,
        OpenAnswerStore,
        OutsideTranscriptStore,
        OpinionStore,
        QualityStore,
        OldSessionStore,
        RetentionRuleStore,
        RevisionStore,
        SearchStore,
        SessionStore,
        SigningKeyStore,
        StreamedUploadStore,
        SubmissionStore,
        TicketStore,
        TokenStore,
        TranscriptStore,
        TypedAnswerStore,
        UploadStore,
        UsageStore,
        WorkerKeyStore,
        WorkerStore,
    )
    public = {f"{each.__name__}.{name}" for each in stores for name in vars(each) if not name.startswith("_")}
    assert {name for name in CALLS if "." in name} == public


@pytest.mark.parametrize("code", [13, 18])
def test_a_database_that_refuses_us_is_unavailable_too(code):
    @reaching_mongodb
    def refused() -> None:
        raise OperationFailure("Authentication failed for user secret.", code)

    with pytest.raises(Unavailable) as unavailable:
        refused()
    assert "secret" not in unavailable.value.message


def test_a_defect_is_not_called_unavailable():
    @reaching_mongodb
    def defect() -> None:
        raise DuplicateKeyError("E11000")

    with pytest.raises(DuplicateKeyError):
        defect()
    assert not may_pass(OperationFailure("unknown operator: $foo", 2))
