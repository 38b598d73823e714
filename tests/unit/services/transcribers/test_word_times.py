"""Words of the bundled demo model on real speech, and that looking for them leaves a model as it was."""

import resource

import pytest
import torch

from services.audio.samples import SAMPLE_RATE_HZ
from services.audio.windows import Window
from services.models import Hints, Span
from services.transcribers.cross_attention import alignment_heads
from services.transcribers.hearing import Asked, Pulse
from services.transcribers.hub import missing_files
from services.transcribers.loading import load_whisper
from services.transcribers.model_choice import DEMO_DIRECTORY, choose_model
from services.transcribers.stopwatch import Stopwatch
from services.transcribers.whisper import WhisperTranscriber
from tests.conftest import missing_server
from tests.recordings import speech, tone


@pytest.fixture(scope="module")
def demo() -> WhisperTranscriber:
    if missing_files(DEMO_DIRECTORY):
        missing_server("the demo model is not in this checkout")
    return load_whisper(choose_model("demo", None, "cpu"), threads=1)


def spoken() -> Window:
    return Window(0.0, speech(), (Span(0.0, len(speech()) / SAMPLE_RATE_HZ),))


def generated(whisper: WhisperTranscriber) -> tuple[torch.Tensor, torch.Tensor]:
    """What the network itself says, token by token, with every score."""
    network = whisper._hearing.network
    with torch.inference_mode():
        sound = whisper._hearing.sound(speech(), Stopwatch())
        said = network.generate(sound.features, language="en", return_dict_in_generate=True, output_scores=True)
    return said.sequences, torch.stack(said.scores)


def look(whisper: WhisperTranscriber) -> None:
    hearing = whisper._hearing
    with torch.inference_mode():
        sound = hearing.sound(speech(), Stopwatch())
        said = hearing.said(sound, Asked("en"), 0.0, Pulse(lambda: None))
        assert whisper._words.found(sound, said, "en", [])[0].words


def test_a_look_for_words_changes_nothing_in_the_model(demo):
    network = demo._hearing.network
    config = network.config.to_dict(), network.generation_config.to_dict(), network.config._attn_implementation
    before = generated(demo)
    look(demo)
    after = generated(demo)
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])
    assert config == (
        network.config.to_dict(),
        network.generation_config.to_dict(),
        network.config._attn_implementation,
    )
    assert network.config._attn_implementation == "sdpa"
    assert not any(module._forward_hooks for module in network.modules())


def test_hooks_go_even_when_the_look_fails(demo, monkeypatch):
    monkeypatch.setattr("services.transcribers.word_times.smoothed", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        look(demo)
    assert not any(module._forward_hooks for module in demo._hearing.network.modules())


def test_fifty_looks_take_no_more_memory_than_some(demo):
    window = spoken()
    for _ in range(5):
        demo.hear(window, Hints(language="en"), lambda: None)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(50):
        demo.hear(window, Hints(language="en"), lambda: None)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 20 * 1024  # if each look kept the keys alone, 115 MB


def test_each_spoken_word_is_found_once_and_in_order(demo):
    words = [word for segment in demo.hear(spoken(), Hints(), lambda: None).segments for word in segment.words]
    times = [time for word in words for time in (word.start, word.end)]
    assert len(words) >= 5
    assert times == sorted(times)
    assert all(word.start < word.end and 0 < word.probability <= 1 for word in words)
    assert 0 <= times[0] <= times[-1] <= len(speech()) / SAMPLE_RATE_HZ


def test_the_attention_seen_is_the_attention_the_network_pays(demo):
    """Against the library's own, on a copy: to ask for it changes a model."""
    from transformers import WhisperForConditionalGeneration  # noqa: PLC0415

    from services.transcribers.cross_attention import watched  # noqa: PLC0415

    copy = WhisperForConditionalGeneration.from_pretrained(DEMO_DIRECTORY, dtype=torch.float32).eval()
    copy.set_attn_implementation("eager")
    hearing, tokens = demo._hearing, torch.tensor([[1025, 1026, 1028, 1032, 20, 30, 40]])
    with torch.inference_mode():
        sound = hearing.sound(speech(), Stopwatch())
        paid = copy(encoder_outputs=sound.encoded, decoder_input_ids=tokens, output_attentions=True).cross_attentions
        with watched(hearing.network, alignment_heads(hearing.network)) as seen:
            hearing.network(encoder_outputs=sound.encoded, decoder_input_ids=tokens, use_cache=False)
        for layer, head in alignment_heads(hearing.network):
            mine = seen.attention(hearing.network, (layer, head), 1500)
            assert torch.allclose(mine, paid[layer][0, head], atol=1e-5)


def test_a_model_that_names_no_heads_is_watched_in_its_upper_half(demo, monkeypatch):
    settings = demo._hearing.network.generation_config
    monkeypatch.setattr(settings, "alignment_heads", None)
    assert alignment_heads(demo._hearing.network) == [(1, 0), (1, 1), (1, 2)]
    monkeypatch.setattr(settings, "alignment_heads", [[7, 0], [0, 9], [-1, 0], [0, -1], [0, 1]])
    assert alignment_heads(demo._hearing.network) == [(0, 1)]


def test_a_temperature_moves_probabilities_and_no_text(demo):
    plain = demo.hear(spoken(), Hints(), lambda: None)
    demo._words._temperature, before = 3.0, demo._words._temperature
    try:
        softer = demo.hear(spoken(), Hints(), lambda: None)
    finally:
        demo._words._temperature = before
    pairs = list(zip(plain.segments[0].words, softer.segments[0].words, strict=True))
    assert [(one.start, one.text) for one, _ in pairs] == [(other.start, other.text) for _, other in pairs]
    assert all(one.probability > other.probability for one, other in pairs)


def test_a_look_at_much_text_with_a_long_prompt_leaves_the_prompt_out(whisper_that_hears):
    whisper = whisper_that_hears()
    hearing = whisper._hearing
    with torch.inference_mode():
        sound = hearing.sound(tone(2), Stopwatch())
        said = hearing.said(sound, Asked("en"), 0.0, Pulse(lambda: None))
        first = hearing.processor.tokenizer.convert_tokens_to_ids("<|startofprev|>")
        prompted = type(said)(said.segments, (first, *[5] * 39, *said.asked), said.logprob)
        assert whisper._words.found(sound, prompted, "en", []) == whisper._words.found(sound, said, "en", [])
