"""What the decoder is really given of hints, seen where the network takes it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from services.audio.windows import Window
from services.models import Hints, Span, Task
from services.transcribers.prompts import is_echo, prompt_text, prompt_tokens
from services.transcribers.whisper import WhisperTranscriber
from tests.recordings import tone
from tests.tiny_whisper import MAX_TOKENS, PROMPT_TOKENS

WINDOW = Window(0.0, tone(2.2), (Span(0, 2.2),))
LONG = "we moved the service " * 20


@contextmanager
def decoded(whisper: WhisperTranscriber, *, shortest: int = 2) -> Iterator[list[list[int]]]:
    """The tokens of each call of the decoder within the block, without those of one token that go on with another."""
    calls: list[list[int]] = []

    def note(module, args, options) -> None:
        tokens = options["input_ids"][0].tolist()
        if len(tokens) >= shortest:
            calls.append(tokens)

    hook = whisper._hearing.network.model.decoder.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield calls
    finally:
        hook.remove()


def asked(whisper: WhisperTranscriber, hints: Hints) -> str:
    """How the first call for text begins, as it is written."""
    with decoded(whisper) as calls:
        whisper.hear(WINDOW, hints, lambda: None)
    return str(whisper._hearing.processor.tokenizer.decode(calls[0]))


def test_a_prompt_stands_before_the_start_and_the_vocabulary_before_the_prompt(whisper_that_hears):
    hints = Hints("en", initial_prompt=" the service ", vocabulary=("ve", "ed"))
    assert prompt_text(hints) == "Glossary: ve, ed. the service"
    whisper = whisper_that_hears()
    whole = asked(whisper, Hints("en", initial_prompt="we moved"))
    assert whole == "<|startofprev|> we moved<|startoftranscript|><|en|><|transcribe|>"


def test_without_hints_there_is_no_prompt(whisper_that_hears):
    assert asked(whisper_that_hears(), Hints("en")) == "<|startoftranscript|><|en|><|transcribe|>"
    assert asked(whisper_that_hears(), Hints("en", initial_prompt=" ")) == asked(whisper_that_hears(), Hints("en"))


def test_of_a_long_prompt_the_end_is_kept_and_the_text_has_its_room(whisper_that_hears):
    whisper = whisper_that_hears()
    hints = Hints("en", initial_prompt=f"{LONG}ved", vocabulary=("we",) * 50)
    tokens = prompt_tokens(hints, whisper._hearing)
    assert len(tokens) == PROMPT_TOKENS
    assert str(whisper._hearing.processor.tokenizer.decode(tokens)).endswith(" service ved")
    with decoded(whisper) as calls:
        whisper.hear(WINDOW, hints, lambda: None)
    assert max(len(call) for call in calls) <= MAX_TOKENS


@pytest.mark.parametrize(
    "text", ["<|endoftext|>", "<|0.00|> we <|1.00|>", "<|de|><|translate|>", "<|startofprev|>", "<|<|en|>|>", "<<|en|>"]
)
def test_what_looks_like_a_control_token_is_told_as_text(whisper_that_hears, text):
    whisper = whisper_that_hears()
    first, *tokens = prompt_tokens(Hints(initial_prompt=text), whisper._hearing)
    tokenizer = whisper._hearing.processor.tokenizer
    assert first == tokenizer.convert_tokens_to_ids("<|startofprev|>")
    assert tokens
    assert max(tokens) < tokenizer.eos_token_id
    assert f" {text}".endswith(tokenizer.backend_tokenizer.decode(tokens))


def test_a_model_that_takes_no_prompt_is_given_none(whisper_that_hears):
    whisper = whisper_that_hears(takes_prompt=False)
    hints = Hints("en", initial_prompt="we moved", vocabulary=("cloud",))
    assert prompt_tokens(hints, whisper._hearing) == ()
    assert asked(whisper, hints) == "<|startoftranscript|><|en|><|transcribe|>"


@pytest.mark.parametrize(
    ("hints", "task"),
    [
        (Hints("de"), "transcribe"),
        (Hints("de", Task.TRANSLATE), "translate"),
        (Hints("en", Task.TRANSLATE), "transcribe"),
    ],
    ids=["not asked", "another language", "English"],
)
def test_what_is_not_english_is_translated_where_that_is_asked(whisper_that_hears, hints, task):
    assert asked(whisper_that_hears(), hints) == f"<|startoftranscript|><|{hints.language}|><|{task}|>"


def test_an_english_only_model_transcribes_whatever_is_asked(whisper_that_hears):
    whisper = whisper_that_hears(is_multilingual=False)
    with decoded(whisper, shortest=1) as calls:
        (segment,) = whisper.hear(WINDOW, Hints("de", Task.TRANSLATE), lambda: None).segments
    assert segment.text == "we moved the service"
    assert whisper._hearing.processor.tokenizer.decode(calls[0]) == "<|startoftranscript|>"


def test_a_model_that_says_its_prompt_is_heard_without_it(whisper_that_hears):
    whisper = whisper_that_hears("<|0.00|> service<|2.00|>", prompted="<|0.00|> we moved the<|2.00|>")
    with decoded(whisper) as calls:
        heard = whisper.hear(WINDOW, Hints("en", initial_prompt=LONG), lambda: None)
    assert [segment.text for segment in heard.segments] == ["service"]
    assert len(calls[0]) == PROMPT_TOKENS + 3
    assert [len(call) for call in calls].count(3) == 1


def test_a_model_that_says_something_else_after_a_prompt_is_believed(whisper_that_hears):
    whisper = whisper_that_hears("<|0.00|> we<|2.00|>", prompted="<|0.00|> the moved the<|2.00|>")
    heard = whisper.hear(WINDOW, Hints("en", initial_prompt=LONG), lambda: None)
    assert [segment.text for segment in heard.segments] == ["the moved the"]


@pytest.mark.parametrize(
    ("text", "echo"),
    [
        ("Ada Lovelace, Grace Hopper", True),
        ("Glossary: Ada Lovelace.", True),
        ("we spoke about the engine", True),
        ("Grace", False),
        ("Grace Hopper", False),
        ("Grace Lovelace spoke", False),
        ("", False),
    ],
)
def test_only_words_that_stand_in_the_prompt_in_order_are_an_echo(text, echo):
    hints = Hints(initial_prompt="We spoke about the engine.", vocabulary=("Ada Lovelace", "Grace Hopper"))
    assert is_echo(text, hints) is echo
