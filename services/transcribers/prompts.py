"""Turns what is known beforehand into the tokens that Whisper takes for the text before."""

import re
from typing import Any

from services.models import Hints
from services.transcribers.hearing import Hearing

# Between these two characters no token of Whisper's own can be recognised.
INSIDE_A_CONTROL_TOKEN = re.compile(r"(?<=<)(?=\|)")
START_OF_PREVIOUS = "<|startofprev|>"


def start_of_previous(tokenizer: Any, settings: Any) -> int | None:
    """The token that a prompt begins with, or None where the model takes none; `settings` are those of `generate`.

    A model that was trained without prompts says `"takes_prompt": false` in its generation_config.json.
    """
    if not getattr(settings, "takes_prompt", True):
        return None
    given: int | None = getattr(settings, "prev_sot_token_id", None)
    # Configurations that are older than this setting leave it out, but their vocabulary has the token.
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    return given if given is not None else vocabulary.get(START_OF_PREVIOUS)


def prompt_text(hints: Hints) -> str:
    """What the model is told: the terms as a glossary, then the text; if they are long, the end is kept."""
    glossary = f"Glossary: {', '.join(hints.vocabulary)}." if hints.vocabulary else ""
    return " ".join(f"{glossary} {hints.initial_prompt or ''}".split())


def prompt_tokens(hints: Hints, hearing: Hearing) -> tuple[int, ...]:
    """The prompt with its first token; empty where there is nothing to tell or the model does not take it.

    Of a long one the end is kept: at most half of the decoder's positions less one, as in OpenAI's decoding.py. What
    looks like a control token in it is plain text.
    """
    tokenizer, settings = hearing.processor.tokenizer, hearing.settings
    first, text = start_of_previous(tokenizer, settings), prompt_text(hints)
    if first is None or not text:
        return ()
    parts = INSIDE_A_CONTROL_TOKEN.split(f" {text}")
    tokens = [token for part in parts for token in tokenizer(part, add_special_tokens=False).input_ids]
    plain = [token for token in tokens if token < settings.eos_token_id]
    most = hearing.network.config.max_target_positions // 2 - 1
    return (first, *plain[-most:])


def is_echo(text: str, hints: Hints) -> bool:
    """Whether a model that heard nothing clear only said its prompt again: all its words, in order, stand in that.

    One or two words may be what a vocabulary is for.
    """
    said, told = _words(text), _words(prompt_text(hints))
    if len(said) < 3:
        return False
    return any(told[place : place + len(said)] == said for place in range(len(told) - len(said) + 1))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
