"""How long interviews and jobs are kept: as their owner says, and never longer than the operator does."""

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from services.audit import Audit
from services.erasure import Erasure
from services.errors import InvalidRequest, NotFound
from services.models import Caller
from services.storage.retention_rules import OldSessionStore, RetentionRule, RetentionRuleStore

log = structlog.get_logger()

# Who erases what is over.
RETENTION = Caller("retention", role="system")
INTERVAL_SECONDS = 600.0
ERASED_AT_ONCE = 100
ERASED_OF_ONE_OWNER = 25


@dataclass(frozen=True, slots=True)
class RetentionLimits:
    """The most that owners can choose; `transcript_days` 0 is no limit."""

    transcript_days: int
    failed_audio_hours: int


class RetentionRules:
    """What owners choose, within what the operator allows."""

    def __init__(self, store: RetentionRuleStore, audit: Audit, limits: RetentionLimits) -> None:
        self.limits = limits
        self._store = store
        self._audit = audit

    def of(self, owner_id: str) -> RetentionRule:
        return self._store.find(owner_id)

    def choose(self, caller: Caller, rule: RetentionRule) -> RetentionRule:
        """Keep a rule; raises `InvalidRequest` for one that goes beyond what the operator allows."""
        most_days, most_hours = self.limits.transcript_days, self.limits.failed_audio_hours
        if most_days and (rule.transcript_days or 0) > most_days:
            raise InvalidRequest(f"Transcripts are kept for {most_days} days at most.", code="beyond_maximum")
        if (rule.failed_audio_hours or 0) > most_hours:
            raise InvalidRequest(f"Recordings are kept for {most_hours} hours at most.", code="beyond_maximum")
        details = {"transcript_days": rule.transcript_days, "failed_audio_hours": rule.failed_audio_hours}
        self._audit.record("retention.choose", caller, owner_id=rule.owner_id, details=details)
        self._store.save(rule)
        return rule


class Expiry:
    """Erases what is over, as if its owner had asked for it. Any number of processes may."""

    def __init__(
        self, rules: RetentionRuleStore, sessions: OldSessionStore, erasure: Erasure, limits: RetentionLimits
    ) -> None:
        self._rules = rules
        self._sessions = sessions
        self._erasure = erasure
        self._limits = limits
        self._due_at = 0.0

    def sweep_if_time(self) -> int:
        """Every ten minutes, and at once again while there is more; how many were erased."""
        if time.monotonic() < self._due_at:
            return 0
        erased = self.sweep()
        self._due_at = time.monotonic() + (0 if erased >= ERASED_AT_ONCE else INTERVAL_SECONDS)
        return erased

    def sweep(self) -> int:
        """Erase some of what is over; how many sessions that were."""
        erased = 0
        if self._limits.transcript_days:
            erased += self._erase(self._limits.transcript_days, None, ERASED_AT_ONCE)
        rules = list(self._rules.with_transcript_days())
        # Whoever has very much of it does not keep the others waiting.
        random.shuffle(rules)
        for rule in rules:
            most = min(ERASED_OF_ONE_OWNER, ERASED_AT_ONCE - erased)
            if most <= 0:
                break
            erased += self._erase(rule.transcript_days or 0, rule.owner_id, most)
        if erased:
            log.info("Sessions were erased: their time was over.", sessions=erased)
        return erased

    def _erase(self, days: int, owner_id: str | None, most: int) -> int:
        before, erased = datetime.now(UTC) - timedelta(days=days), 0
        for session_id, owner in self._sessions.unchanged_since(before, owner_id=owner_id, limit=most):
            try:
                self._erasure.erase_session(RETENTION, session_id, owner, unchanged_since=before)
            except NotFound:
                continue  # by another process, or somebody has answered, in this moment
            erased += 1
        return erased
