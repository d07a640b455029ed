"""A GGUF file of a tiny llama with random weights and a byte-level vocabulary, as other tools write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType, quants

WIDTH, HEADS, LAYERS, INNER, BLOCK = 64, 2, 2, 96, 32
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)


def _byte_letters() -> list[str]:
    """The 256 printable letters that stand for bytes in a byte-level vocabulary (GPT-2's convention)."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(byte) if byte in shown else chr(256 + byte) for byte in range(256)]


def write_tiny_gguf(path: Path, *, architecture: str = "llama", quantised: bool = True) -> Path:
    """Write the file; with ``quantised`` the matrices are in blocks of 8 bits (Q8_0)."""
    rng = np.random.default_rng(0)
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *_byte_letters(), "ab", "cd"]
    writer = GGUFWriter(path, architecture)
    writer.add_name("tiny")
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL] * 3 + [TokenType.NORMAL] * 258)
    writer.add_token_merges(["a b", "c d"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_chat_template(TEMPLATE)
    for name, shape in _shapes(len(tokens)).items():
        values = rng.normal(0, 0.05, shape).astype(np.float32) + (1.0 if len(shape) == 1 else 0.0)
        if quantised and len(shape) == 2 and shape[1] % BLOCK == 0:
            kind = GGMLQuantizationType.Q8_0
            writer.add_tensor(name, quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (vocabulary, WIDTH),
        "output_norm.weight": (WIDTH,),
        "output.weight": (vocabulary, WIDTH),
    }
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        shapes |= {f"{block}attn_{part}.weight": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")}
        shapes |= {f"{block}ffn_{part}.weight": (INNER, WIDTH) for part in ("gate", "up")}
        shapes |= {
            f"{block}ffn_down.weight": (WIDTH, INNER),
            f"{block}attn_norm.weight": (WIDTH,),
            f"{block}ffn_norm.weight": (WIDTH,),
        }
    return shapes
