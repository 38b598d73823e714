"""Every query that a full run sends is explained: none may read a whole collection."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import json_util
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import MongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from services.access import OWNER
from services.administration import Action, Which
from services.container import build_services
from services.errors import Conflict
from services.grants import Grant
from services.idempotency import Key, Reply
from services.models import AnswerRef, Caller, Hints, Session, Status
from services.opinions import WrongWords
from services.outside_transcripts import OutsideText
from services.retention import Retention
from services.storage.client import MongoDatabase
from services.storage.feedback_jobs import FeedbackJobStore
from services.storage.open_answers import OpenAnswerStore
from services.storage.retention_rules import OldSessionStore, RetentionRule, RetentionRuleStore
from services.storage.usage import UsageStore
from services.storage.webhook_deliveries import DeliveryStore, Outcome
from services.storage.webhooks import Webhook, WebhookStore
from services.storage.workers import WorkerState, WorkerStore
from services.upload_urls import UploadIntent, new_object_key
from tests.factories import questions, recording_of, settings_with
from tests.fakes import RememberingQueue, ScriptedTranscriber
from tests.stores import MODEL, Stores, build_stores, transcript_of

QUERIES = {"find", "aggregate", "update", "delete", "findAndModify", "distinct", "count"}
# Bookkeeping of the driver that `explain` does not take.
NOT_EXPLAINED = {"lsid", "$clusterTime", "$db", "txnNumber", "startTransaction", "autocommit", "writeConcern"}
NOT_EXPLAINED |= {"$readPreference", "readConcern", "maxTimeMS", "ordered"}


class Recorder(CommandListener):
    """Keeps every query once, by its shape."""

    def __init__(self) -> None:
        self.commands: dict[str, dict[str, Any]] = {}

    def started(self, event: CommandStartedEvent) -> None:
        command = dict(event.command)
        if event.command_name in QUERIES and "$changeStream" not in str(command):
            self.commands[f"{event.command_name} {command[event.command_name]} {shape_of(command)}"] = command

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


def shape_of(value: Any) -> str:
    """The names in a command, without its values."""
    if isinstance(value, dict):
        names = [f"{name}:{shape_of(each)}" for name, each in value.items() if name not in NOT_EXPLAINED]
        return f"{{{','.join(names)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(shape_of, value))}]"
    return ""


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def recorded(mongodb_uri: str, database: MongoDatabase, recorder: Recorder) -> Iterator[Stores]:
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb_uri, tz_aware=True, event_listeners=[recorder])
    with client:
        yield build_stores(client[database.name])


def full_run(stores: Stores) -> None:
    """Everything that the product ever asks of its database."""
    queue = RememberingQueue()
    services = build_services(settings_with(), stores.database, queue, ScriptedTranscriber)
    ask_who_calls(stores, services)
    session = services.sessions.start(OWNER, questions("q1", "q2"), language=None, details={}).session
    for question_id in ("q1", "q1", "q2"):
        services.answers.accept(session, question_id, recording_of(), "owner")
    services.transcription.transcribe(queue.sent[-1])
    claim = stores.claim(queue.sent[1])
    stores.answers.release(claim)
    claim = stores.claim(queue.sent[1], settings_with().holder)
    services.recovery.recover_own()
    stores.answers.fail(stores.claim(claim.ref), code="c", message="m", keeps_audio=True)
    services.analysis.analyze(OWNER, session.id)
    ask_for_feedback(stores, services)
    upload_first(services, session)
    repeat_and_ask_for_room(stores, services)
    look_after(stores, services)
    decide(stores, services)
    take_jobs_and_keep(stores, services)
    type_and_transcribe_elsewhere(stores, services)
    submit(stores, services)
    tell_of_it(stores, services)
    export_and_erase(stores, services)


def type_and_transcribe_elsewhere(stores: Stores, services: Any) -> None:
    session = services.sessions.start(OWNER, questions("q1", "q2"), language=None, details={}).session
    waiting = services.answers.accept(session, "q1", recording_of(), "owner")
    for key in (None, "k1", "k1"):
        services.typed_answers.accept(session, "q2", "typed", "owner", key=key)
    key, secret = services.worker_keys.make(OWNER, "owner", "gpu 1")
    worker = services.access.caller_of(secret)
    for status in (Status.QUEUED, Status.PROCESSING, Status.FAILED):
        for after in (None, (datetime.now(UTC), "0")):
            services.outside_transcripts.waiting(worker, status, after=after)
    services.outside_transcripts.audio(worker, waiting.answer_id)
    services.outside_transcripts.write_by_id(worker, waiting.answer_id, OutsideText("heard", "large-v3"))
    for owner_id in (None, "owner"):
        services.worker_keys.list_of(owner_id)
    services.worker_keys.revoke(OWNER, key.key_id)
    services.worker_keys.revoke_of(OWNER, "owner")


def ask_who_calls(stores: Stores, services: Any) -> None:
    assert services.access.ensure_first_token("sixteen-letters-") is None
    services.access.ensure_first_token(None)
    started = services.sessions.start(Caller("ada"), questions("q1"), language=None, details={})
    link = services.access.caller_of(started.link_token)
    services.sessions.get(link, started.session.id)
    grant = services.access.grant_of(services.access.issue(Caller("ada"), valid_for=timedelta(hours=1)))
    services.tickets.redeem(services.tickets.issue(grant, started.session.id).ticket, started.session.id)
    for change in (services.links.replace, services.links.revoke):
        change(Caller("ada"), started.session)
    services.access.revoke("ada")
    services.flags.set(OWNER, "llm_feedback", 1)
    services.flags.reset(OWNER, "llm_feedback")
    for session_id in (None, started.session.id):
        page = services.audit.list_of(session_id=session_id, limit=1)
        services.audit.list_of(session_id=session_id, after=page.next, limit=1)
    services.sessions.get(Caller("ada"), started.session.id)
    page = services.sessions.list_of(Caller("ada"), after=None, limit=1)
    services.sessions.list_of(Caller("ada"), after=(started.session.created_at, page.sessions[0].id), limit=1)
    workers = WorkerStore(stores.database)
    workers.beat("one", WorkerState("ready", "", None, demo_model=False))
    workers.alive()
    workers.forget("one")


def ask_for_feedback(stores: Stores, services: Any) -> None:
    session_id = stores.start("q1", "q2")
    ref = stores.accept(session_id)
    services.feedback_jobs.complete(services.sessions.get(OWNER, session_id))
    services.scoring.work(session_id)
    stores.answers.complete(stores.claim(ref), transcript_of(), MODEL)
    services.feedback_jobs.when_ended(ref)
    services.scoring.work(session_id)
    session = services.sessions.get(OWNER, session_id)
    for number in (None, 1):
        services.feedback_jobs.report(session, number)
    for before in (None, 2):
        services.feedback_jobs.history(session, before=before, limit=1)
    store = FeedbackJobStore(stores.database, lease_seconds=60)
    failing, other = (services.sessions.get(OWNER, stores.start("q1")) for _ in range(2))
    for each in (failing, other):
        services.feedback_jobs.complete(each)
        store.documents.claim(each.id, "holder", "token")
        store.put_off(each.id, "token", 0, {"code": "c", "message": "m"})
        store.documents.claim(each.id, "holder", "token")
        store.documents.hold(each.id, "token")
    store.fail(failing.id, "token", {"code": "c", "message": "m"}, about=None)
    for work in services.resending:
        work.sweep()
        work.recover_own()
    store.remove(other.id)


def upload_first(services: Any, session: Session) -> None:
    recording, key = recording_of(), new_object_key()
    intent = UploadIntent(session.id, "q1", "audio/wav", len(recording.content))
    grant = Grant(OWNER, None, datetime.now(UTC) + timedelta(hours=1))
    query = services.upload_urls.sign(grant, session, intent, method="PUT", path="/").parameters
    signed = services.upload_urls.verified("PUT", "/", {name: [value] for name, value in query.items()})
    services.signed_uploads.require_unused(key, session.id)
    services.signed_uploads.receive(signed, key, recording)
    for _ in range(2):
        services.signed_uploads.use(session, "q1", key, "owner")


def repeat_and_ask_for_room(stores: Stores, services: Any) -> None:
    services.admission.check("owner", 1)
    UsageStore(stores.database).of_day("owner", datetime.now(UTC))
    key = Key(OWNER, None, "purpose", "key", "credential")
    attempt = services.idempotency.begin(key, b"content")
    services.idempotency.finish(key, attempt, Reply(200, {}, ""), awaits_majority=True)
    services.idempotency.begin(key, b"content")
    services.idempotency.is_known(key)
    services.idempotency.give_up(attempt)
    session_id = stores.start("q1")
    once = AnswerRef(session_id, "q1", "once")
    for _ in range(2):
        stores.acceptance.accept(once, stores.uploaded(once), once=True)
    past = datetime.now(UTC) - timedelta(days=1)
    stores.database["uploads"].update_many({"_id": {"$exists": True}}, {"$set": {"expires_at": past}})


def look_after(stores: Stores, services: Any) -> None:
    waiting = stores.accept(stores.start("q1"))
    stores.make_due(waiting)
    services.recovery.sweep()
    stores.answers.complete(stores.claim(waiting), transcript_of(), MODEL)
    services.recovery.sweep()
    OpenAnswerStore(stores.database).all()
    services.figures.told()
    stores.audio.save(recording_of(), AnswerRef("s", "q", "orphan"), "owner")
    old = datetime.now(UTC) - timedelta(days=30)
    stores.database["fs.files"].update_many({"_id": {"$exists": True}}, {"$set": {"metadata.status_at": old}})
    retention = Retention(
        stores.audio, stores.answers, stores.sessions, RetentionRuleStore(stores.database), failed_hours=1
    )
    list(retention.collect(older_than=timedelta(0), dry_run=False))


def take_jobs_and_keep(stores: Stores, services: Any) -> None:
    """Recordings without an interview, who agreed to what, and how long it is kept."""
    jobs, content = services.transcription_jobs, recording_of(b"RIFF....WAVE" + bytes(600_000)).content
    for _ in range(2):
        incoming = jobs.expect("owner", "key")
        incoming.write(content)
        jobs.accept("owner", incoming, Hints(), once=True)
        incoming.abandon()
    asker, session = Caller("owner"), stores.sessions.find_unguarded(incoming.ref.session_id)
    assert session is not None
    for status in (None, Status.QUEUED):
        for after in (None, (datetime.now(UTC), "f" * 24)):
            jobs.list_of(asker, status=status, after=after, limit=1)
    jobs.find_each(asker, [incoming.ref.session_id, "0" * 24])
    jobs.statuses_of_each(asker, [incoming.ref.session_id, "0" * 24])
    jobs.cancel(session)
    jobs.retry(session)
    services.consents.give(asker, session, "text", None)
    consented = stores.sessions.find_unguarded(session.id)
    assert consented is not None
    services.consents.withdraw(asker, consented)
    services.retention_rules.choose(asker, RetentionRule("owner", 1, 1))
    services.retention_rules.of("owner")
    services.expiry.sweep()
    OldSessionStore(stores.database).unchanged_since(datetime.now(UTC), owner_id=None, limit=1)
    RetentionRuleStore(stores.database).with_failed_audio_hours()


def decide(stores: Stores, services: Any) -> None:
    """What people and operators do about answers."""
    session_id = stores.start("q1", "q2")
    refs = [stores.accept(session_id, question_id) for question_id in ("q1", "q2")]
    stores.claim(refs[1])
    for status in Status:
        if status is not Status.COMPLETED:
            for code in (None, "marked_failed"):
                which = Which(status, code=code, after=(datetime.now(UTC), "0"), limit=1)
                services.administration.list_of(which)
                services.administration.decide_all(OWNER, Action.FAIL, which)
                services.administration.decide_all(OWNER, Action.RETRY, which)
    services.administration.depth()
    for action in (Action.FAIL, Action.RETRY, Action.CANCEL):
        services.administration.decide_each(OWNER, action, [each.answer_id for each in refs])
    with suppress(Conflict):
        services.decisions.cancel(refs[0])
    done = stores.accept(session_id)
    stores.answers.complete(stores.claim(done), transcript_of(), MODEL)
    session = services.sessions.get(OWNER, session_id)
    for revision in (1, None):
        services.review.edit_transcript(OWNER, session, "q1", "edited", revision)
        session = services.sessions.get(OWNER, session_id)
    services.review.restore_transcript(OWNER, session, "q1", 1, None)
    read_and_judge(services, services.sessions.get(OWNER, session_id))
    services.review.sweep()


def read_and_judge(services: Any, session: Session) -> None:
    """What people do with transcripts."""
    answer = services.answers.status(session, "q1")
    services.transcripts.history(answer)
    services.transcripts.differences(answer, 1, 2)
    for query in ("team", '"a team" led -squad', "\u7d4c"):
        services.search.find(OWNER, query, language="en")
    services.opinions.rate(OWNER, session, answer, 5, None, None)
    services.opinions.ratings(OWNER, answer)
    services.opinions.unrate(OWNER, session, answer)
    services.opinions.report(OWNER, session, answer, WrongWords(0, 1, "wrong"), None)
    services.opinions.reports(OWNER, answer)
    for model in (None, MODEL.name):
        services.quality.of_models(datetime.now(UTC) - timedelta(days=1), model)
    while services.search.sweep():
        pass


def submit(stores: Stores, services: Any) -> None:
    session = services.sessions.get(OWNER, stores.start("q1"))
    services.typed_answers.accept(session, "q1", "in writing", "owner")
    session = services.sessions.get(OWNER, session.id)
    assert services.submission.submit(session) == services.submission.submit(session)
    with suppress(Conflict):
        services.answers.accept(session, "q1", recording_of(), "owner")


def tell_of_it(stores: Stores, services: Any) -> None:
    """Webhooks, from who listens to what was delivered."""
    long_ago, webhooks = datetime.now(UTC) - timedelta(days=1), services.webhooks
    # An address that is nobody's: nothing is sent.
    made = WebhookStore(stores.database).create(
        Webhook("w" * 24, "owner", "https://192.0.2.1/", (), "", long_ago, (b"s" * 60,))
    )
    assert made is not None
    webhooks.change(OWNER, made.id, {"is_enabled": True})
    webhooks.rotate(OWNER, made.id)
    webhooks.list_of(OWNER)
    stores.answers.complete(stores.claim(stores.accept(stores.start("q1"))), transcript_of(), MODEL)
    stores.database["interview_sessions"].update_many(
        {"outbox.at": {"$gt": long_ago}}, {"$set": {"outbox.0.at": long_ago}}
    )
    services.webhook_dispatch.sweep()
    deliver = services.webhook_delivering.deliver
    for status in (None, Status.QUEUED):
        for after in (None, (datetime.now(UTC), "0")):
            found = webhooks.deliveries(OWNER, made.id, status=status, after=after, limit=5).deliveries
    for each in found:
        deliver(each.id)
        webhooks.replay(OWNER, made.id, each.event_id)
    webhooks.replay_failed(OWNER, made.id, since=long_ago, until=None)
    test = webhooks.test(OWNER, made.id)
    deliveries = DeliveryStore(stores.database, lease_seconds=60)
    for end in (deliveries.fail, deliveries.complete):
        deliveries.replay(test.id)
        deliveries.work.claim(test.id, "holder", "token")
        end(test.id, "token", Outcome(204))
    deliveries.count_by_status()
    endpoints = WebhookStore(stores.database)
    endpoints.note_success(made.id)
    endpoints.disable(made.id, "gone")
    for work in services.resending:
        work.sweep()
        work.recover_own()
    webhooks.delete(OWNER, made.id)


def export_and_erase(stores: Stores, services: Any) -> None:
    session = services.sessions.get(OWNER, stores.start("q1"))
    services.answers.accept(session, "q1", recording_of(), "owner")
    list(services.export.of(OWNER, session))
    services.erasure.erase_session(OWNER, session.id, OWNER.user_id)
    services.erasure.erase_person(OWNER, "ada")
    past = datetime.now(UTC) - timedelta(days=1)
    stores.database["erasures"].update_many({"_id": {"$gt": ""}}, {"$set": {"due": past}})
    services.erasure.sweep()


def parts_of(command: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A command as `explain` takes it: one statement at a time."""
    plain = {name: value for name, value in command.items() if name not in NOT_EXPLAINED}
    for list_name in ("updates", "deletes"):
        if list_name in plain:
            for statement in plain[list_name]:
                yield {**plain, list_name: [statement]}
            return
    yield plain


def stages_of(plan: Any) -> set[str]:
    if isinstance(plan, dict):
        own = {plan["stage"]} if isinstance(plan.get("stage"), str) else set()
        return own.union(*map(stages_of, plan.values()))
    return set().union(*map(stages_of, plan)) if isinstance(plan, list) else set()


def winning_stages(database: MongoDatabase, command: dict[str, Any]) -> set[str]:
    # Bounds of an index reach to dates that Python has not.
    options = CodecOptions(document_class=dict, datetime_conversion=DatetimeConversion.DATETIME_AUTO)
    explained = database.command("explain", command, verbosity="queryPlanner", codec_options=options)
    # What an aggregation does beyond its first query stands beside that query's plan.
    query = explained if "queryPlanner" in explained else explained["stages"][0]["$cursor"]
    return stages_of(query["queryPlanner"]["winningPlan"])


def fill(database: MongoDatabase) -> None:
    """Enough that a plan over a whole collection is a choice and not the only sensible thing."""
    stores = build_stores(database)
    for number in range(20):
        stores.accept(stores.start("q1"))
        database["access_tokens"].insert_one({"_id": f"token{number}", "expires_at": None})
        database["workers"].insert_one({"_id": f"w{number}", "seen_at": datetime.now(UTC)})


def test_no_query_reads_a_whole_collection(recorded: Stores, recorder: Recorder, database: MongoDatabase):
    full_run(recorded)
    fill(database)
    scanning, collections = {}, set()
    for shape, command in recorder.commands.items():
        for part in parts_of(command):
            collections.add(next(iter(part.values())))
            stages = winning_stages(database, part)
            if "COLLSCAN" in stages or not stages & {"IXSCAN", "IDHACK", "DISTINCT_SCAN", "COUNT_SCAN", "EXPRESS"}:
                scanning[shape] = json_util.dumps(part, indent=1), stages
    assert collections == {
        *("interview_sessions", "fs.files", "fs.chunks", "access_tokens", "workers", "usage"),
        *("uploads", "kept_uploads", "receipts", "signing_keys", "idempotency_keys", "tickets", "audit"),
        *(
            "transcripts",
            "current_transcripts",
            "transcript_ratings",
            "transcript_errors",
            "backfills",
            "erasures",
            "counters",
            "feature_flags",
            "retention_rules",
            "feedback_jobs",
            "feedback_reports",
            "webhooks",
            "webhook_deliveries",
        ),
    }
    assert len(recorder.commands) > 120
    assert scanning == {}


def test_a_query_without_an_index_is_found_out(recorded: Stores, recorder: Recorder, database: MongoDatabase):
    recorded.database["interview_sessions"].find_one({"language": "en"})
    (command,) = recorder.commands.values()
    assert "COLLSCAN" in winning_stages(database, next(parts_of(command)))
