"""The rows that ask for one exact thing of a fleet: the same upload at once, and a file that kills its worker."""

import random
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from scripts.chaos.bars import Line, at_most, none_of, told
from scripts.chaos.clips import Clips
from scripts.chaos.fleet import Fleet
from scripts.chaos.ledger import Ledger, Take
from scripts.chaos.parts import Part
from scripts.chaos.verbs import Verbs

Say = Callable[[str], None]
AT_ONCE = 20
WAIT_SECONDS = 2.0
POISON_CLAIMS = 3
PATIENCE_SECONDS = 120.0


def same_upload(directory: Path, count: int, say: Say) -> list[Line]:
    """The same upload 20 times at once: one effect, replayed or 409; the same key with other bytes is 422."""
    chance, ledger, wrong = random.Random(0), Ledger(), []
    with Fleet(directory) as fleet:
        verbs, clips = Verbs(fleet.urls, fleet.token, ledger, chance), Clips()
        for number in range(count):
            session_id = verbs.start(f"start-{number}", ["q1"])
            upload, other = clips.any(chance), clips.any(chance)
            take = Take(f"key-{number}", session_id, "q1", upload.sha256, upload.text)
            with ThreadPoolExecutor(AT_ONCE) as pool:
                for _ in range(AT_ONCE):
                    pool.submit(verbs.upload, take, upload.content, once=True)
            path = f"/api/upload-answer/{session_id}/q1"
            files = {"audio": ("answer.wav", other.content, "audio/wav")}
            reply = verbs.until("other bytes", "POST", path, files=files, headers={"Idempotency-Key": take.key})
            if reply.status_code != 422:
                wrong.append(f"{number}: the key with other bytes was answered {reply.status_code}")
            if len(set(take.answer_ids)) != 1:
                wrong.append(f"{number}: {len(set(take.answer_ids))} answers")
            stored = fleet.stored["interview_sessions"].find_one({"_id": session_id}) or {}
            if stored["answers"]["q1"]["id"] not in take.answer_ids:
                wrong.append(f"{number}: another answer is stored")
            say(f"{number + 1} of {count}")
    uploads = [each for each in ledger.replies if each.what == "upload"]
    statuses = sorted({each.status for each in uploads})
    odd = [str(status) for status in statuses if status not in (202, 409)]
    slow = [each.seconds for each in uploads]
    return [
        told("replies", f"{len(uploads)}, with {statuses}"),
        none_of("more than one effect", wrong),
        none_of("replies other than 202 and 409", odd),
        # They come at the same moment to few processors, so each also waits for the others' bytes.
        at_most("waiting for the first", slow, WAIT_SECONDS + 1.5, share=0.99),
    ]


def poison(directory: Path, count: int, say: Say) -> list[Line]:
    """A recording whose worker dies with it each time: failed as poison after three claims, and the queue drains."""
    chance, ledger, wrong = random.Random(1), Ledger(), []
    with Fleet(directory) as fleet:
        verbs, clips = Verbs(fleet.urls, fleet.token, ledger, chance), Clips()
        for number in range(count):
            session_id = verbs.start(f"poison-{number}", ["q1", "q2"])
            for question_id in ("q1", "q2"):
                upload = clips.any(chance)
                take = Take(f"{question_id}-{number}", session_id, question_id, upload.sha256, upload.text)
                verbs.upload(take, upload.content)
            answers = _kill_its_workers(fleet, session_id)
            poisoned, other = answers.get("q1", {}), answers.get("q2", {})
            code = poisoned.get("transcription_error", {}).get("code")
            if code != "poison" or poisoned.get("crashes", 0) < POISON_CLAIMS:
                wrong.append(f"{number}: {poisoned.get('transcription_status')} {code} {poisoned.get('crashes')}")
            if other.get("transcription_status") not in ("completed", "failed"):
                wrong.append(f"{number}: the other answer is {other.get('transcription_status')}")
            say(f"{number + 1} of {count}")
    return [told("recordings that killed", count), none_of("not set aside as poison", wrong)]


def _kill_its_workers(fleet: Fleet, session_id: str) -> Mapping[str, Mapping[str, Any]]:
    """Kill whoever claims the first question's answer, at once, until both answers have ended."""
    sessions, deadline, killed = fleet.stored["interview_sessions"], time.monotonic() + PATIENCE_SECONDS, ""
    answers: Mapping[str, Mapping[str, Any]] = {}
    while time.monotonic() < deadline:
        answers = (sessions.find_one({"_id": session_id}) or {}).get("answers", {})
        lease = answers.get("q1", {}).get("lease")
        if lease and lease["token"] != killed:
            killed = lease["token"]
            for worker in _holders(fleet, lease["holder"]):
                worker.kill()
        if all(str(each["transcription_status"]) in ("completed", "failed") for each in answers.values()):
            break
        fleet.revive()
        time.sleep(0.005)
    return answers


def _holders(fleet: Fleet, holder: str) -> list[Part]:
    return [worker for worker in fleet.workers if holder.endswith(fleet.holder_of(worker))]
