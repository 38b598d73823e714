"""A simulated person: answers questions, changes their mind, edits, cancels, erases, and leaves when all have ended."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from scripts.chaos.clips import Clips
from scripts.chaos.follower import TERMINAL, Follower, all_ended
from scripts.chaos.ledger import Edit, Interview, Take
from scripts.chaos.verbs import GaveUp, Verbs

QUESTIONS = ("q1", "q2", "q3")
BURST = 20
PATIENCE_SECONDS = 20.0
# An interview is this likely to be erased while its answers are transcribed.
ERASED_SHARE = 0.12
Follow = Callable[[str], Follower]


class Candidate(threading.Thread):
    """One interview after the other until `leave` is called; the one that runs then is brought to its end."""

    def __init__(self, name: str, verbs: Verbs, clips: Clips, follow: Follow, seed: str) -> None:
        super().__init__(name=name, daemon=True)
        self.verbs = verbs
        self._clips = clips
        self._follow = follow
        self._chance = random.Random(seed)
        self._leaving = threading.Event()
        self._sent: dict[str, bytes] = {}
        self._actions = (self._say_again, self._replay, self._burst, self._edit, self._cancel, self._wait, self._wait)

    def leave(self) -> None:
        self._leaving.set()

    def run(self) -> None:
        while not self._leaving.is_set():
            try:
                self._interview()
            except GaveUp:
                return

    def _interview(self) -> None:
        self._sent.clear()
        interview = self.verbs.ledger.open(self.verbs.start(self._key(), list(QUESTIONS)))
        follower = self._follow(interview.session_id)
        try:
            for question_id in QUESTIONS:
                self._answer(interview, question_id)
                self._chance.choice(self._actions)(interview, follower)
            if self._chance.random() < ERASED_SHARE:
                self._erase(interview)
            elif follower.has(all_ended, PATIENCE_SECONDS):
                self._chance.choice(self._actions)(interview, follower)
                self._try_again(interview, follower)
                follower.has(all_ended, PATIENCE_SECONDS)
        finally:
            follower.retire()

    def _answer(self, interview: Interview, question_id: str) -> Take:
        upload = self._clips.any(self._chance)
        take = Take(self._key(), interview.session_id, question_id, upload.sha256, upload.text)
        interview.takes.append(take)
        self._sent[take.key] = upload.content
        self.verbs.upload(take, upload.content)
        return take

    def _say_again(self, interview: Interview, _: Follower) -> None:
        self.verbs.ledger.count("recorded again")
        self._answer(interview, self._chance.choice(interview.takes).question_id)

    def _replay(self, interview: Interview, _: Follower) -> None:
        """As an outbox does that has not seen the reply: whatever has happened since, nothing may change."""
        self.verbs.ledger.count("upload replayed")
        take = self._chance.choice(interview.takes)
        self.verbs.upload(take, self._sent[take.key])

    def _burst(self, interview: Interview, __: Follower) -> None:
        self.verbs.ledger.count(f"upload {BURST} times at once")
        upload = self._clips.any(self._chance)
        question_id = self._chance.choice(QUESTIONS)
        take = Take(self._key(), interview.session_id, question_id, upload.sha256, upload.text)
        interview.takes.append(take)
        self._sent[take.key] = upload.content
        with ThreadPoolExecutor(BURST) as pool:
            for _ in range(BURST):
                pool.submit(self.verbs.upload, take, upload.content, once=True)
        self.verbs.upload(take, upload.content)

    def _edit(self, interview: Interview, follower: Follower) -> None:
        """Change a transcript, be it while the same question's next recording is on its way."""
        completed = [each for each in follower.answers.values() if each["status"] == "completed"]
        if not completed:
            return
        answer = self._chance.choice(completed)
        edit = Edit(answer["answer_id"], f"edited {self._chance.randrange(10**9)}")
        interview.edits.append(edit)
        if self.verbs.edit(interview.session_id, answer["question_id"], edit):
            self.verbs.ledger.count("transcript edited")
        else:
            interview.edits.remove(edit)

    def _cancel(self, interview: Interview, follower: Follower) -> None:
        unfinished = [each for each in follower.answers.values() if each["status"] not in TERMINAL]
        if not unfinished:
            return
        answer_id = self._chance.choice(unfinished)["answer_id"]
        interview.cancels.add(answer_id)
        if self.verbs.decide("cancel", answer_id):
            self.verbs.ledger.count("answer cancelled")

    def _try_again(self, interview: Interview, follower: Follower) -> None:
        for answer in list(follower.answers.values()):
            if answer["status"] in ("failed", "cancelled") and self.verbs.decide("retry", answer["answer_id"]):
                self.verbs.ledger.count("answer tried again")
                follower.has(lambda told, each=answer: _has_moved(told, each), PATIENCE_SECONDS)  # type: ignore[misc]

    def _wait(self, _: Interview, __: Follower) -> None:
        self._leaving.wait(self._chance.uniform(0.2, 2.0))

    def _erase(self, interview: Interview) -> None:
        self.verbs.ledger.count("interview erased")
        interview.erase_begun = True
        interview.erased = self.verbs.erase(interview.session_id)

    def _key(self) -> str:
        return f"{self.name}-{self._chance.randrange(16**12):012x}"


def _has_moved(told: dict[str, dict[str, Any]], answer: dict[str, Any]) -> bool:
    now = told.get(answer["question_id"], answer)
    return bool(now["answer_id"] != answer["answer_id"] or now["status"] != answer["status"])
