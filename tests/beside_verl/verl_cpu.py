"""What verl needs to run on a machine without a GPU: for these tests only, never shipped.

``VERL_USE_EXTERNAL_MODULES=verl_cpu`` loads it in every process that imports verl. It registers a CPU platform and a
rollout engine that samples with transformers, and lets process groups be made of gloo alone. Everything else (the
trainer, its workers, FSDP2, the transfer queue, the reward loop) is verl's own code, unmodified.
"""

from __future__ import annotations

import asyncio
import contextlib
import types
from typing import Any

import ray
import torch
from verl.plugin.platform import PlatformBase, PlatformRegistry, set_platform
from verl.workers.rollout import base as rollout_base
from verl.workers.rollout.replica import RolloutReplica, RolloutReplicaRegistry, TokenOutput

NAME = "cpu_hf"


class CpuDevice(types.ModuleType):
    """``torch.cpu`` with the functions that ``torch.cuda`` has besides: no memory to count, nothing to free."""

    def __init__(self) -> None:
        super().__init__("cpu_device")
        for name in ("current_stream", "stream", "synchronize", "Stream", "StreamContext"):
            setattr(self, name, getattr(torch.cpu, name))

    def __getattr__(self, name: str) -> Any:
        numbers = {
            "device_count": 1,
            "current_device": 0,
            "mem_get_info": (0, 0),
            "is_available": True,
            "get_device_name": "cpu",
        }
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "get_rng_state":
            return torch.get_rng_state
        if name == "set_rng_state":
            return torch.set_rng_state
        if name.startswith(("memory_", "max_memory_")):
            return lambda *_, **__: 0
        return lambda *_, **__: numbers.get(name)


@PlatformRegistry.register(platform="cpu")
class PlatformCpu(PlatformBase):
    device_name = property(lambda self: "cpu")
    vendor_name = property(lambda self: "cpu")
    device_module = property(lambda self: DEVICE)

    def is_available(self) -> bool:
        return True

    def current_device(self) -> Any:
        return "cpu"

    def device_count(self) -> int:
        return 1

    def set_device(self, device_index: int) -> None: ...
    def synchronize(self, device_index: int | None = None) -> None: ...
    def manual_seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    manual_seed_all = manual_seed

    def set_allocator_settings(self, settings: str) -> None: ...
    def empty_cache(self) -> None: ...
    def get_device_capability(self, device_index: int = 0) -> tuple[None, None]:
        return None, None

    def communication_backend_name(self) -> str:
        return "gloo"

    def visible_devices_envvar(self) -> str:
        return "CUDA_VISIBLE_DEVICES"

    def nvtx_range(self, msg: str) -> Any:
        return contextlib.nullcontext()

    def profiler_start(self) -> None: ...
    def profiler_stop(self) -> None: ...
    def ray_resource_name(self) -> str:
        return "GPU"  # ray.init(num_gpus=2) says that there are some

    def ray_noset_envvars(self) -> list[str]:
        return []

    def is_ipc_supported(self) -> bool:
        return False

    def cudart(self) -> None:
        return None


DEVICE = CpuDevice()
set_platform(PlatformCpu())

_init_process_group = torch.distributed.init_process_group


def _gloo_once(backend: str | None = None, *args: Any, **kwargs: Any) -> Any:
    """verl asks for ``cpu:gloo,<device>:<backend>``, which names the CPU twice here."""
    return _init_process_group("gloo" if backend and "gloo" in backend else backend, *args, **kwargs)


torch.distributed.init_process_group = _gloo_once


class CpuServer:
    """One rollout server: a Hugging Face model that samples token by token."""

    def __init__(self, path: str, cap: int, seed: int) -> None:
        from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

        torch.set_num_threads(1)
        self.model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(path)).float().eval()
        self.eos = AutoTokenizer.from_pretrained(path).eos_token_id
        self.cap, self.steps = cap, 0
        self.generator = torch.Generator().manual_seed(seed)

    async def load(self, weights: dict[str, torch.Tensor], steps: int | None) -> None:
        missing, unknown = self.model.load_state_dict(
            {name: value.float() for name, value in weights.items()}, strict=False
        )
        assert not unknown, unknown
        assert set(missing) <= {"lm_head.weight"}, missing
        self.steps = steps or 0

    async def generate(
        self, request_id: str, prompt_ids: list[int], sampling_params: dict[str, Any], **_: Any
    ) -> TokenOutput:
        ids, said, logprobs = torch.tensor([list(prompt_ids)]), [], []
        with torch.no_grad():
            while len(said) < self.cap and (not said or said[-1] != self.eos):
                logits = self.model(ids).logits[0, -1] / max(float(sampling_params["temperature"]), 1e-6)
                log = logits.log_softmax(-1)
                token = int(torch.multinomial(log.exp(), 1, generator=self.generator))
                said.append(token)
                logprobs.append(float(log[token]))
                ids = torch.cat([ids, torch.tensor([[token]])], 1)
                await asyncio.sleep(0)
        steps = {"global_steps": self.steps, "min_global_steps": self.steps, "max_global_steps": self.steps}
        return TokenOutput(token_ids=said, log_probs=logprobs, stop_reason="completed", extra_fields=steps)

    async def nothing(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"aborted_count": 0, "request_ids": []}

    wake_up = sleep = clear_kv_cache = release_kv_cache = resume_kv_cache = nothing
    abort_all_requests = resume_generation = start_profile = stop_profile = nothing


class CpuReplica(RolloutReplica):
    async def launch_servers(self) -> None:
        server = ray.remote(CpuServer).options(
            name=f"{NAME}_{self.replica_rank}", num_cpus=0, max_concurrency=64
        )
        handle = server.remote(str(self.model_config.path), self.config.response_length, self.replica_rank)
        self.servers = [handle]
        self._server_handle, self._server_address = handle, f"cpu:{self.replica_rank}"


class CpuAdapter(rollout_base.BaseRollout):
    """In a training worker: hands its weights to the server beside it."""

    def __init__(self, config: Any, model_config: Any, device_mesh: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, model_config, device_mesh)
        self.rank = torch.distributed.get_rank()

    async def resume(self, tags: list[str]) -> None: ...
    async def release(self) -> None: ...
    async def update_weights(self, weights: Any, global_steps: int | None = None, **_: Any) -> None:
        whole = {
            name: value.detach().cpu().clone() for name, value in weights
        }  # a collective: every rank takes part
        await ray.get_actor(f"{NAME}_{self.rank}").load.remote(whole, global_steps)


RolloutReplicaRegistry.register(NAME, lambda: CpuReplica)
rollout_base._ROLLOUT_REGISTRY[(NAME, "async")] = "verl_cpu.CpuAdapter"
