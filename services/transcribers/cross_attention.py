"""Looks at where a network's decoder listens, without changing how it works.

`output_attentions` would switch the whole network to another implementation of attention, for every later call as well,
and keep what every head sees. Here hooks take the two inputs of the attention of the chosen heads, for one call.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Head = tuple[int, int]
Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Seen:
    """What passed the hooks in one call: queries (1, tokens, width) and keys (1, positions, width) by layer."""

    queries: dict[int, Tensor] = field(default_factory=dict)
    keys: dict[int, Tensor] = field(default_factory=dict)

    def attention(self, network: Any, head: Head, positions: int) -> Tensor:
        """Where each token listens (tokens, positions), among the first `positions` of 20 ms alone."""
        layer, index = head
        module = network.model.decoder.layers[layer].encoder_attn
        part = slice(index * module.head_dim, (index + 1) * module.head_dim)
        queries = self.queries[layer][0, :, part].float() * module.scaling
        attention: Tensor = (queries @ self.keys[layer][0, :positions, part].float().T).softmax(dim=-1)
        return attention


@contextmanager
def watched(network: Any, heads: Sequence[Head]) -> Iterator[Seen]:
    """Within the block, what the network's decoder is called with is seen where these (layer, head) listen."""
    seen = Seen()
    with ExitStack() as hooks:
        for layer in {layer for layer, _ in heads}:
            module = network.model.decoder.layers[layer].encoder_attn
            hooks.callback(module.q_proj.register_forward_hook(_kept(seen.queries, layer)).remove)
            hooks.callback(module.k_proj.register_forward_hook(_kept(seen.keys, layer)).remove)
        yield seen


def alignment_heads(network: Any) -> list[Head]:
    """The heads that follow the speech; where a model does not say which, all in the upper half, as OpenAI does."""
    layers, heads = network.config.decoder_layers, network.config.decoder_attention_heads
    given = getattr(network.generation_config, "alignment_heads", None) or ()
    known = [(layer, head) for layer, head in given if 0 <= layer < layers and 0 <= head < heads]
    return known or [(layer, head) for layer in range(layers // 2, layers) for head in range(heads)]


def smoothed(attention: Tensor, width: int) -> Matrix:
    """How much more each token listens to a position than the others do, without single outliers in time."""
    spread, mean = torch.std_mean(attention, dim=0, keepdim=True, unbiased=False)
    normalised = (attention - mean) / spread.clamp(min=torch.finfo(spread.dtype).tiny)
    return median_filtered(normalised.cpu().numpy(), width)


def median_filtered(rows: Matrix, width: int) -> Matrix:
    """Each value by the median of the `width` (odd) around it in its row; the ends are mirrored.

    By exchanges of whole arrays: sorting each few values by themselves takes ten times as long.
    """
    reach = width // 2
    if rows.shape[1] <= reach:
        return rows
    padded = np.pad(rows, ((0, 0), (reach, reach)), mode="reflect")
    values = [padded[:, shift : shift + rows.shape[1]] for shift in range(width)]
    for last in range(width - 1, reach - 1, -1):
        for place in range(last):
            one, other = values[place], values[place + 1]
            values[place], values[place + 1] = np.minimum(one, other), np.maximum(one, other)
    return values[reach]


def _kept(store: dict[int, Tensor], layer: int) -> Any:
    def keep(module: Any, inputs: Any, output: Tensor) -> None:
        store[layer] = output

    return keep
