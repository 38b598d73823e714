"""Whisper's guards against invented text, as in Radford et al. 2022, section 4.5, and OpenAI's whisper/transcribe.py.

They work only together. Transformers has them too, but measures repetition by the bytes of tokens, which depends on the
size of the vocabulary; the text does not.
"""

import zlib
from typing import Any

import torch

# Text that fails a guard is tried again at the next temperature.
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
SURE_LOGPROB = -1.0
COMPRESSION_RATIO = 2.4
# Above this probability of "no speech", text that the model is not sure of either is nothing.
NO_SPEECH = 0.6


def is_nothing(logprob: float, no_speech_probability: float) -> bool:
    """Whether the text was only invented for a silence."""
    return logprob < SURE_LOGPROB and no_speech_probability > NO_SPEECH


def is_sure(logprob: float, text: str) -> bool:
    """Whether the text may stand as it is."""
    return logprob >= SURE_LOGPROB and compression_ratio(text) <= COMPRESSION_RATIO


def compression_ratio(text: str) -> float:
    """How many times smaller zlib makes the text: a loop of the same words becomes very small."""
    content = text.encode()
    return len(content) / len(zlib.compress(content))


def token_logprobs(result: dict[str, Any], temperature: float) -> torch.Tensor:
    """The natural log probability of each token that `generate` said, the end token included."""
    # Its scores are divided by the temperature; the model's own probabilities are asked for.
    scores = torch.stack(result["scores"]).float() * (temperature or 1.0)
    said = result["sequences"][-len(scores) :]
    return scores.log_softmax(dim=-1).gather(-1, said.unsqueeze(-1)).squeeze(-1)
