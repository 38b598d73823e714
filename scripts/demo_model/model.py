"""The demo model's architecture, its forward pass on windows shorter than 30 s, and its generation configuration."""

from typing import Any

import torch
from torch import nn
from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

from scripts.demo_model.alignment import FRAMES_A_LABEL, NOBODY
from scripts.demo_model.tokenizer import TIMESTAMPS, TokenIds

WIDTH = 192
HEADS = 3
ENCODER_LAYERS = 2
DECODER_LAYERS = 2
# (layer, head) of the decoder that follow the speech, as `python -m scripts.demo_model.heads` finds them.
ALIGNMENT_HEADS = ((0, 2), (1, 0), (1, 1), (1, 2))
# Where each head of each encoder layer looks at first: so many positions of 20 ms away, through 32 of the sinusoids.
FIRST_LOOKS = (((-3, 0), (3, 0), (0, 12)), ((-9, 8), (9, 8), (0, 20)))
SINUSOIDS_A_HEAD = WIDTH // HEADS // 2
POSITION_SCALE = 0.6
FIRST_LOOK_SHARPNESS = (1.6, 3.0)
POSITIONS_A_LABEL = FRAMES_A_LABEL // 2
# Up to this many positions transformers' plain attention is faster than torch's fused one on a processor.
PLAIN_ATTENTION_POSITIONS = 450


def make_model(ids: TokenIds) -> WhisperForConditionalGeneration:
    """An untrained model; times and decoder positions begin as sinusoids, so that neighbours start alike."""
    config = WhisperConfig(
        vocab_size=ids.total,
        d_model=WIDTH,
        encoder_layers=ENCODER_LAYERS,
        decoder_layers=DECODER_LAYERS,
        encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS,
        encoder_ffn_dim=4 * WIDTH,
        decoder_ffn_dim=4 * WIDTH,
        decoder_start_token_id=ids.start,
        pad_token_id=ids.end,
        bos_token_id=ids.end,
        eos_token_id=ids.end,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        init_std=0.06,
    )
    model = WhisperForConditionalGeneration(config)
    encoder = model.model.encoder
    positions = encoder.embed_positions.weight
    nn.init.kaiming_normal_(encoder.conv1.weight)
    nn.init.kaiming_normal_(encoder.conv2.weight)
    with torch.no_grad():
        times = model.model.decoder.embed_tokens.weight[ids.first_timestamp :]
        times[: TIMESTAMPS - 1] = 0.08 * positions
        model.model.decoder.embed_positions.weight.copy_(0.05 * positions[: config.max_target_positions])
        # At full size the positions drown out what a narrow, untrained model hears.
        positions *= POSITION_SCALE
        for layer, looks, sharpness in zip(encoder.layers, FIRST_LOOKS, FIRST_LOOK_SHARPNESS, strict=True):
            _look_nearby(layer.self_attn, looks, sharpness)
    return model


def _look_nearby(attention: Any, looks: tuple[tuple[int, int], ...], sharpness: float) -> None:
    """Let every head begin by attending to its own neighbourhood; by chance this takes thousands of steps to form.

    The product of two sinusoidal positions is largest where they are equal, and turning one of them moves that place.
    """
    pairs = WIDTH // 2
    rates = 10_000.0 ** (-torch.arange(pairs) / (pairs - 1))
    for head, (distance, first) in enumerate(looks):
        chosen = torch.arange(first, first + SINUSOIDS_A_HEAD)
        sines = torch.arange(SINUSOIDS_A_HEAD) + head * 2 * SINUSOIDS_A_HEAD
        cosines = sines + SINUSOIDS_A_HEAD
        turn = rates[chosen] * distance
        attention.k_proj.weight[sines, chosen] += sharpness
        attention.k_proj.weight[cosines, chosen + pairs] += sharpness
        attention.q_proj.weight[sines, chosen] += sharpness * turn.cos()
        attention.q_proj.weight[sines, chosen + pairs] += sharpness * turn.sin()
        attention.q_proj.weight[cosines, chosen + pairs] += sharpness * turn.cos()
        attention.q_proj.weight[cosines, chosen] -= sharpness * turn.sin()


class TrainedModel(nn.Module):
    """The model with a head that names the word at each moment: it forms the encoder early and is not kept."""

    def __init__(self, whisper: WhisperForConditionalGeneration) -> None:
        super().__init__()
        self.whisper = whisper
        self.words = nn.Linear(whisper.config.d_model, NOBODY + 1)
        self.plain_attention = False

    def encode(self, features: torch.Tensor, first_positions: torch.Tensor) -> torch.Tensor:
        """Encoder states (B, frames / 2, width); transformers' own encoder takes nothing but 30 s."""
        encoder = self.whisper.model.encoder
        hidden = nn.functional.gelu(encoder.conv1(features))
        hidden = nn.functional.gelu(encoder.conv2(hidden)).transpose(1, 2)
        places = first_positions[:, None] + torch.arange(hidden.shape[1])
        hidden = hidden + encoder.embed_positions.weight[places]
        for layer in encoder.layers:
            hidden = layer(hidden, None)
        states: torch.Tensor = encoder.layer_norm(hidden)
        return states

    def forward(
        self, features: torch.Tensor, first_positions: torch.Tensor, inputs: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Token scores (B, L, tokens) and word scores (B, frames / 4, words + 1)."""
        short = features.shape[2] // 2 <= PLAIN_ATTENTION_POSITIONS
        if self.plain_attention != short:
            self.whisper.set_attn_implementation("eager" if short else "sdpa")
            self.plain_attention = short
        states = self.encode(features, first_positions)
        decoded = self.whisper.model.decoder(input_ids=inputs, encoder_hidden_states=states, use_cache=False)
        pooled = nn.functional.avg_pool1d(states.transpose(1, 2), POSITIONS_A_LABEL).transpose(1, 2)
        return self.whisper.proj_out(decoded.last_hidden_state), self.words(pooled)


def generation_config(ids: TokenIds) -> GenerationConfig:
    """What Whisper's `generate` needs, as the published checkpoints spell it."""
    return GenerationConfig(
        decoder_start_token_id=ids.start,
        bos_token_id=ids.end,
        eos_token_id=ids.end,
        pad_token_id=ids.end,
        prev_sot_token_id=ids.previous,
        no_timestamps_token_id=ids.no_timestamps,
        is_multilingual=True,
        lang_to_id={"<|en|>": ids.english},
        task_to_id={"transcribe": ids.transcribe, "translate": ids.translate},
        # Else a language found by detection would be followed by no task, which training never showed.
        task="transcribe",
        # The order matters: transformers takes the last but one for <|startofprev|>.
        suppress_tokens=list(range(ids.start, ids.no_speech + 1)),
        # A window may begin with a long pause, so the first time is free.
        max_initial_timestamp_index=TIMESTAMPS - 1,
        alignment_heads=[list(head) for head in ALIGNMENT_HEADS],
        # Parley's own: training showed it no prompt, and with one it hears next to nothing.
        takes_prompt=False,
        # It passes over sentences where a window holds several: of recordings of ten minutes it gets 1.6 % of the words
        # wrong in windows of about that length, and 5.7 % in windows of 28 s.
        window_seconds=5.4,
        return_timestamps=False,
        max_length=448,
    )
