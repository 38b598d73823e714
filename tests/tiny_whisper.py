"""A Whisper small enough to be made in a test: real in every file and call, but deaf, and it says what it was told to.

Its layers add nothing and its position embeddings point at the next token to say, so the real `generate` finds that
token, sure of itself, whatever the sound. Where the script has None it points nowhere: a model that is not sure.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)
from transformers.utils import logging

TIMESTAMPS = [f"<|{number * 0.02:.2f}|>" for number in range(1501)]
LANGUAGES = ("<|en|>", "<|de|>")
SENTENCE = "<|0.00|> we moved the service<|2.00|>"
D_MODEL = 64
MAX_TOKENS = 40
# A prompt as long as it may be: half the context, its first token included.
PROMPT_TOKENS = MAX_TOKENS // 2


def save_tiny_whisper(
    directory: Path,
    script: str | None = SENTENCE,
    *,
    language: str = "<|en|>",
    is_multilingual: bool = True,
    prompted: str | None = None,
    takes_prompt: bool = True,
) -> Path:
    """Write one that hears `script` in every window and return where.

    With None for a script it is sure of no word, and with `<|nospeech|>` for a language that nobody speaks. After a
    prompt that is so long that the script is over it says `prompted`, if that is given.
    """
    logging.disable_progress_bar()
    tokenizer = _tokenizer(is_multilingual)
    network = WhisperForConditionalGeneration(_config(tokenizer))
    network.generation_config = _generation_config(tokenizer, is_multilingual)
    network.generation_config.takes_prompt = takes_prompt
    # An English-only model is prompted with the start token alone.
    start = tokenizer.convert_tokens_to_ids([language, "<|transcribe|>"]) if is_multilingual else []
    said = [*start, *_spoken(tokenizer, script)]
    if prompted is not None:
        # Whatever comes before it, the text begins at the middle: see `PROMPT_TOKENS`.
        said = [*said, *[None] * MAX_TOKENS][: PROMPT_TOKENS + len(start)] + _spoken(tokenizer, prompted)
    _teach(network, said)
    network.save_pretrained(directory)
    WhisperProcessor(WhisperFeatureExtractor(), tokenizer).save_pretrained(directory)
    return directory


def _spoken(tokenizer: WhisperTokenizer, script: str | None) -> list[int | None]:
    if script is None:
        return [None] * MAX_TOKENS
    return [*tokenizer(script, add_special_tokens=False).input_ids, tokenizer.eos_token_id]


def _teach(network: WhisperForConditionalGeneration, said: Sequence[int | None]) -> None:
    generator = torch.Generator().manual_seed(0)
    decoder = network.model.decoder
    with torch.no_grad():
        for name, weights in decoder.layers.named_parameters():
            if "out_proj" in name or "fc2" in name:
                weights.zero_()
        tokens, positions = decoder.embed_tokens.weight, decoder.embed_positions.weight
        tokens.copy_(torch.randn(tokens.shape, generator=generator))
        for position, token in enumerate(said[:MAX_TOKENS]):
            direction = torch.randn(D_MODEL, generator=generator) if token is None else tokens[token]
            positions[position] = 20 * direction
        # At full scale even a direction that no token has would look like certainty.
        decoder.layer_norm.weight.fill_(0.25)


def _tokenizer(is_multilingual: bool) -> WhisperTokenizer:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    bpe.train_from_iterator([" we moved the service"], trainer)
    merges = [tuple(pair) for pair in json.loads(bpe.to_str())["model"]["merges"]]
    tokenizer = WhisperTokenizer(vocab={**bpe.get_vocab(), "<|endoftext|>": bpe.get_vocab_size()}, merges=merges)
    special = ["<|startoftranscript|>", *(LANGUAGES if is_multilingual else ()), "<|translate|>", "<|transcribe|>"]
    special += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.add_tokens(TIMESTAMPS)
    return tokenizer


def _config(tokenizer: WhisperTokenizer) -> WhisperConfig:
    end = tokenizer.eos_token_id
    sizes = dict.fromkeys(("encoder_layers", "decoder_layers", "encoder_attention_heads", "decoder_attention_heads"), 1)
    sizes |= dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 16)
    return WhisperConfig(
        vocab_size=len(tokenizer),
        d_model=D_MODEL,
        max_target_positions=MAX_TOKENS,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=tokenizer.convert_tokens_to_ids("<|startoftranscript|>"),
        suppress_tokens=None,
        begin_suppress_tokens=None,
        **sizes,
    )


def _generation_config(tokenizer: WhisperTokenizer, is_multilingual: bool) -> GenerationConfig:
    number_of = tokenizer.convert_tokens_to_ids
    choices: dict[str, Any] = {}
    if is_multilingual:
        choices["lang_to_id"] = {token: number_of(token) for token in LANGUAGES}
        choices["task_to_id"] = {task: number_of(f"<|{task}|>") for task in ("transcribe", "translate")}
    return GenerationConfig(
        is_multilingual=is_multilingual,
        max_length=MAX_TOKENS,
        no_timestamps_token_id=number_of("<|notimestamps|>"),
        prev_sot_token_id=number_of("<|startofprev|>"),
        decoder_start_token_id=number_of("<|startoftranscript|>"),
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
        max_initial_timestamp_index=50,
        **choices,
    )
