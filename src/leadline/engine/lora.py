"""Low-rank adapters on the decoder, through peft: the adapters are saved in peft's format, and merged afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file

from leadline.model import Decoder
from leadline.recipes.schema import LoraConfig
from leadline.seeds import torch_rng

if TYPE_CHECKING:  # peft takes seconds to load, and most processes that train have no adapters
    from peft import PeftModel

__all__ = ["Lora"]


class Lora:
    """Adapters put into ``model`` in place: the decoder stays callable as it was, only the adapters need gradients."""

    def __init__(self, model: Decoder, config: LoraConfig, seed: int) -> None:
        from peft import LoraConfig as PeftLoraConfig
        from peft import get_peft_model

        settings = PeftLoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules=list(config.targets),
            bias="none",
        )
        with torch.random.fork_rng(devices=[]):  # peft draws the first matrices from the global generator
            torch.manual_seed(torch_rng(seed, "lora").initial_seed())
            self._peft: PeftModel = get_peft_model(model, settings)

    def save(self, folder: Path) -> None:
        """Write ``adapter_model.safetensors`` and ``adapter_config.json``."""
        self._peft.save_pretrained(str(folder))

    def load(self, folder: Path) -> None:
        """Continue from adapters that :meth:`save` wrote."""
        from peft import set_peft_model_state_dict

        set_peft_model_state_dict(self._peft, load_file(folder / "adapter_model.safetensors"))

    def merge(self) -> Decoder:
        """Add the adapters to the weights and give the plain decoder back."""
        merged: Decoder = self._peft.merge_and_unload()
        for parameter in merged.parameters():
            parameter.requires_grad_(True)
        return merged
