"""Jobs: a recording without an interview, and where it stands. The state of many sessions at once."""

from typing import Any

from flask import url_for

from app.auth import caller, services, session, without_transcript
from app.blueprint import Blueprint
from app.cursors import as_cursor, from_cursor
from app.idempotency import REPLAYED, idempotent, idempotent_by_itself
from app.schemas.jobs import (
    JobFormSchema,
    JobPageSchema,
    JobQuerySchema,
    JobReceiptSchema,
    JobSchema,
    ListedJobSchema,
    StatusesSchema,
    StatusQuerySchema,
)
from app.streamed_upload import accepted_job, streamed_upload
from services.answer_status import summary_of_statuses
from services.transcription_jobs import Job

blueprint = Blueprint("jobs", __name__, url_prefix="/api", description="Transcribe a recording without an interview")

POLL_AFTER_SECONDS = 5


@blueprint.route("/transcribe", methods=["POST"])
@streamed_upload(limit="MAX_JOB_BYTES")
@idempotent_by_itself
@blueprint.arguments(JobFormSchema, location="recording")
@blueprint.response(202, JobReceiptSchema)
@blueprint.refuses(400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503)
def transcribe(form: dict[str, Any]) -> Any:
    """Store a recording, which may be long; it is transcribed in the background."""
    job_id, receipt = accepted_job(form)
    replayed = {REPLAYED: "true"} if receipt.is_repeat else {}
    return {"job_id": job_id, "receipt": receipt}, {**where_to_ask(job_id), **replayed}


@blueprint.route("/jobs")
@blueprint.arguments(JobQuerySchema, location="query")
@blueprint.response(200, JobPageSchema)
@blueprint.refuses(401, 403, 422)
def list_jobs(query: dict[str, Any]) -> Any:
    """Some jobs by their ids, or one's own, newest first; without what was said in them."""
    if "job_ids" in query:
        found = services().transcription_jobs.find_each(caller(), query["job_ids"])
        missing = [job_id for job_id in query["job_ids"] if job_id not in found]
        return {"jobs": list(map(told, found.values())), "not_found": missing, "next": None}
    after = from_cursor(query.get("cursor"))
    page = services().transcription_jobs.list_of(
        caller(), status=query.get("status"), after=after, limit=query["limit"]
    )
    return {"jobs": list(map(told, page.jobs)), "not_found": [], "next": as_cursor(*page.next) if page.next else None}


@blueprint.route("/jobs/<session_id>")
@blueprint.response(200, JobSchema)
@blueprint.refuses(401, 403, 404)
def read_job(session_id: str) -> Any:
    """A job with its transcript, or with the text so far. In other formats: the transcript of its `question_id`."""
    return told(services().transcription_jobs.job_of(session()))


@blueprint.route("/jobs/<session_id>", methods=["DELETE"])
@blueprint.response(200, ListedJobSchema)
@blueprint.refuses(401, 403, 404, 409)
@without_transcript
def cancel_job(session_id: str) -> Any:
    """Cancel a job: one that waits never starts, one that is worked on stops at its next window. Again is the same."""
    return told(services().transcription_jobs.cancel(session()))


@blueprint.route("/jobs/<session_id>/retry", methods=["POST"])
@idempotent
@blueprint.response(202, ListedJobSchema)
@blueprint.refuses(401, 403, 404, 409)
@without_transcript
def retry_job(session_id: str) -> Any:
    """Queue a failed or cancelled job again, from the recording that is kept."""
    return told(services().transcription_jobs.retry(session())), where_to_ask(session_id)


@blueprint.route("/transcription-status")
@blueprint.arguments(StatusQuerySchema, location="query")
@blueprint.response(200, StatusesSchema)
@blueprint.refuses(401, 403, 422)
def session_statuses(query: dict[str, Any]) -> Any:
    """Where the answers of up to 50 sessions stand, in numbers."""
    found = services().transcription_jobs.statuses_of_each(caller(), query["session_ids"])
    summaries = [
        {"session_id": session_id, "seq": seq, "summary": summary_of_statuses(statuses)}
        for session_id, (seq, statuses) in found.items()
    ]
    return {"sessions": summaries, "missing": [each for each in query["session_ids"] if each not in found]}


def told(job: Job) -> dict[str, Any]:
    """A job as the schemas show it."""
    answer = job.answer
    done = answer.progress or None
    return {
        **{name: getattr(answer, name) for name in JobSchema.OF_ANSWER},
        "job_id": job.job_id,
        "stage": done.stage if done else None,
        "progress": {
            "percent": answer.percent,
            "windows_done": done.windows_done if done else None,
            "windows_total": done.windows_total if done else None,
        },
        "times": job.times,
    }


def where_to_ask(job_id: str) -> dict[str, str]:
    """The headers of a receipt: where the job is, and when it makes sense to look."""
    return {"Location": url_for("jobs.read_job", session_id=job_id), "Retry-After": str(POLL_AFTER_SECONDS)}
