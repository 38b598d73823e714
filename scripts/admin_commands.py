"""What each of the operators' commands does. Each says whether everything it was asked for was done."""

import argparse
import getpass
import os
from collections.abc import Callable
from pathlib import Path

from scripts.admin_output import Output, is_agreed
from services.administration import MARKED_FAILED, Action, Outcomes, Which
from services.container import Services
from services.models import Caller, Status
from services.sweeping import sweeps

Command = Callable[[Services, argparse.Namespace, Output], bool]
IN_LISTS = ("answer_id", "session_id", "question_id", "status", "code", "attempts", "crashes", "ended_at", "can_retry")


def operator() -> Caller:
    """Who sits at the shell, in the words of the audit log: who may open the database may do everything to it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return Caller(f"shell:{name}", role="admin")


def list_answers(services: Services, arguments: argparse.Namespace, output: Output) -> bool:
    page = services.administration.list_of(_which(arguments))
    output.rows(IN_LISTS, page.answers)
    if page.next is not None:
        output.say(f"These are the newest {arguments.limit}; there are more.")
    return True


def show(services: Services, arguments: argparse.Namespace, output: Output) -> bool:
    output.document(services.administration.show(arguments.answer_id))
    return True


def decide(services: Services, arguments: argparse.Namespace, output: Output) -> bool:
    """By ids or by a filter, never by neither: a slip of the hand would be about everything."""
    action, message = Action(arguments.command), getattr(arguments, "message", None) or MARKED_FAILED
    if bool(arguments.answer_ids) == bool(arguments.status):
        output.say("Say either ids of answers or --status.")
        return False
    if arguments.answer_ids:
        outcomes = services.administration.decide_each(operator(), action, arguments.answer_ids, message)
        return _told(outcomes, output)
    which = _which(arguments)
    if not arguments.yes and not is_agreed(f"{action} up to {which.limit} answers that are {which.status}?"):
        return False
    return _told(services.administration.decide_all(operator(), action, which, message), output)


def flags(services: Services, arguments: argparse.Namespace, output: Output) -> bool:
    """A switch for everybody at once is worth a word of how to take it back."""
    name, percent = arguments.flag_name, arguments.percent
    is_complete = {"list": name is None, "set": percent is not None, "reset": name is not None and percent is None}
    if not is_complete[arguments.flags_action]:
        output.say("Say: flags, flags set NAME PERCENT, or flags reset NAME.")
        return False
    match arguments.flags_action:
        case "set":
            output.document(services.flags.set(operator(), name, percent))
        case "reset":
            output.document(services.flags.reset(operator(), name))
        case _:
            output.rows(("name", "percent", "default_percent", "changed_at"), services.flags.list_of())
    return True


def show_queue(services: Services, arguments: argparse.Namespace, output: Output) -> bool:
    output.document(services.administration.depth())
    return True


def sweep(services: Services, arguments: argparse.Namespace, output: Output) -> bool:
    """What is cut short is finished; what is due is put off where no queue can be reached from a shell."""
    services.audit.record("sweep.run", operator())
    output.document({name: run() for name, run in sweeps(services).items()})
    return True


def erase(services: Services, arguments: argparse.Namespace, output: Output) -> bool:
    subject = arguments.subject
    kind = "person" if arguments.person else "interview"
    if not arguments.yes and not is_agreed(f"Erase the {kind} {subject}? It cannot be brought back."):
        return False
    if arguments.person:
        receipt = services.erasure.erase_person(operator(), subject)
    else:
        session = services.sessions.get(operator(), subject)
        receipt = services.erasure.erase_session(operator(), session.id, session.owner_id)
    output.document(receipt)
    return receipt.is_complete


def export(services: Services, arguments: argparse.Namespace, output: Output) -> bool:
    session = services.sessions.get(operator(), arguments.session_id)
    path = Path(arguments.to or f"interview-{session.id}.zip")
    try:
        # Readable for its owner only; an existing file is somebody's.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        output.say(f"{path}: {error.strerror}.")
        return False
    pieces = services.export.of(operator(), session)
    with os.fdopen(descriptor, "wb") as file:
        for piece in pieces:
            file.write(piece)
    output.document({"file": str(path), "bytes": path.stat().st_size})
    return True


COMMANDS: dict[str, Command] = {
    "list": list_answers,
    "show": show,
    **dict.fromkeys(map(str, Action), decide),
    "flags": flags,
    "queue": show_queue,
    "sweep": sweep,
    "erase": erase,
    "export": export,
}


def _which(arguments: argparse.Namespace) -> Which:
    return Which(Status(arguments.status), code=arguments.code, limit=arguments.limit)


def _told(outcomes: Outcomes, output: Output) -> bool:
    output.rows(("answer_id", "outcome", "message"), outcomes.outcomes)
    output.say(f"{outcomes.done} done, {outcomes.refused} refused, {outcomes.remaining} more to look at.")
    return outcomes.refused == 0
