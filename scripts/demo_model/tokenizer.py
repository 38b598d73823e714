"""The demo model's byte-level BPE tokenizer with Whisper's special and timestamp tokens, in Whisper's order."""

import json
from dataclasses import dataclass
from itertools import islice

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import WhisperTokenizer

from scripts.demo_model.corpus import sentences, written

END = "<|endoftext|>"
TEXT_TOKENS = 1024
SAMPLE_SENTENCES = 40_000
TIMESTAMPS = 1501
SECONDS_A_STEP = 0.02
SPECIAL = (
    *("<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"),
    *("<|nospeech|>", "<|notimestamps|>"),
)


@dataclass(frozen=True, slots=True)
class TokenIds:
    """The ids training and the generation configuration need by name."""

    end: int
    start: int
    english: int
    translate: int
    transcribe: int
    language_model: int
    previous: int
    no_speech: int
    no_timestamps: int
    first_timestamp: int
    total: int


def _trained(seed: int) -> Tokenizer:
    stream = sentences(seed, held_out=False, random_share=0.3)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=TEXT_TOKENS, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator((f" {written(text)}" for text in islice(stream, SAMPLE_SENTENCES)), trainer)
    return tokenizer


def make_tokenizer(seed: int) -> WhisperTokenizer:
    """Learn the merges from training sentences and put the special and timestamp tokens behind them."""
    trained = _trained(seed)
    vocab: dict[str, int] = trained.get_vocab()
    merges = [tuple(pair) for pair in _merges(trained)]
    vocab[END] = len(vocab)
    tokenizer = WhisperTokenizer(vocab=vocab, merges=merges, pad_token=END)
    tokenizer.add_special_tokens({"additional_special_tokens": list(SPECIAL)})
    times = [f"<|{step * SECONDS_A_STEP:.2f}|>" for step in range(TIMESTAMPS)]
    tokenizer.add_tokens([AddedToken(time, special=False, normalized=False) for time in times])
    return tokenizer


def _merges(trained: Tokenizer) -> list[list[str]]:
    state = json.loads(trained.to_str())
    return [pair if isinstance(pair, list) else pair.split(" ") for pair in state["model"]["merges"]]


def token_ids(tokenizer: WhisperTokenizer) -> TokenIds:
    """Look the named ids up."""
    ids = [tokenizer.convert_tokens_to_ids(token) for token in (END, *SPECIAL, "<|0.00|>")]
    return TokenIds(*[*ids, len(tokenizer)])


def text_tokens(tokenizer: WhisperTokenizer, sentence: str) -> list[int]:
    """The tokens of one written sentence, with Whisper's leading space and no special tokens."""
    return list(tokenizer(f" {written(sentence)}", add_special_tokens=False).input_ids)
