"""A small Llama-family decoder, its checkpoints, and its tokenizers."""

from leadline.model.cache import KeyValueCache, KeyValues
from leadline.model.checkpoint import load_decoder, load_model, load_tokenizer, save_decoder
from leadline.model.config import DecoderConfig
from leadline.model.decoder import Decoder
from leadline.model.logprobs import selected_logprobs
from leadline.model.tokenizer import build_tokenizer

__all__ = [
    "Decoder",
    "DecoderConfig",
    "KeyValueCache",
    "KeyValues",
    "build_tokenizer",
    "load_decoder",
    "load_model",
    "load_tokenizer",
    "save_decoder",
    "selected_logprobs",
]
