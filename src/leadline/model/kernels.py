"""Triton kernels: one for all that stands between two matrix products.

So in a decoding step, and so for what is done with the logits of a training step.

Import this only where there is a GPU and Triton (:func:`leadline.model.fused.available`). Sums are in float32 whatever
the tensors are.
"""

# mypy: ignore-errors
from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

__all__ = ["add_norm", "attend", "gate", "logits_to_gradient", "rotate_and_append", "selected"]


@triton.jit
def _add_norm(x, delta, weight, out, size, eps, ADD: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, BLOCK)
    here = at < size
    value = tl.load(x + row * size + at, here, 0.0).to(tl.float32)
    if ADD:
        value += tl.load(delta + row * size + at, here, 0.0).to(tl.float32)
        value = value.to(x.dtype.element_ty)
        tl.store(x + row * size + at, value, here)
        value = value.to(tl.float32)
    scale = 1.0 / tl.sqrt(tl.sum(value * value, 0) / size + eps)
    value = value * scale * tl.load(weight + at, here, 0.0).to(tl.float32)
    tl.store(out + row * size + at, value.to(out.dtype.element_ty), here)


def add_norm(x: Tensor, delta: Tensor | None, weight: Tensor, eps: float) -> Tensor:
    """``x [B, C] += delta`` in place, then its RMS norm."""
    out = torch.empty_like(x)
    block = triton.next_power_of_2(x.shape[1])
    _add_norm[(x.shape[0],)](
        x, x if delta is None else delta, weight, out, x.shape[1], eps, delta is not None, block
    )
    return out


@triton.jit
def _gate(gate, up, out, count, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    here = at < count
    value = tl.load(gate + at, here, 0.0).to(tl.float32)
    value = value / (1.0 + tl.exp(-value)) * tl.load(up + at, here, 0.0).to(tl.float32)
    tl.store(out + at, value.to(out.dtype.element_ty), here)


def gate(left: Tensor, right: Tensor) -> Tensor:
    """``silu(left) * right``."""
    out = torch.empty_like(left)
    _gate[(triton.cdiv(left.numel(), 1024),)](left, right, out, left.numel(), 1024)
    return out


@triton.jit
def _normalised(first, second, weight, at, here, size, eps):
    scale = 1.0 / tl.sqrt((tl.sum(first * first, 0) + tl.sum(second * second, 0)) / (2 * size) + eps)
    left = first * scale * tl.load(weight + at, here, 0.0).to(tl.float32)
    right = second * scale * tl.load(weight + size + at, here, 0.0).to(tl.float32)
    return left, right


@triton.jit
def _rotate_and_append(
    q, k, v, q_norm, k_norm, cos, sin, q_out, keys, values, slots, length, eps, room,
    HEADS: tl.constexpr, KV: tl.constexpr, HALF: tl.constexpr, BLOCK: tl.constexpr,
    NORM: tl.constexpr, ROTATE: tl.constexpr,
):  # fmt: skip
    row, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    at = tl.arange(0, BLOCK)
    here = at < HALF
    slot, column = tl.load(slots + row), tl.load(length)
    if head < HEADS:
        source = q + (row * HEADS + head) * 2 * HALF
        target = q_out + (row * HEADS + head) * 2 * HALF
    elif head < HEADS + KV:
        source = k + (row * KV + head - HEADS) * 2 * HALF
        target = keys + ((slot * KV + head - HEADS) * room + column) * 2 * HALF
    else:
        source = v + (row * KV + head - HEADS - KV) * 2 * HALF
        target = values + ((slot * KV + head - HEADS - KV) * room + column) * 2 * HALF
    first = tl.load(source + at, here, 0.0).to(tl.float32)
    second = tl.load(source + HALF + at, here, 0.0).to(tl.float32)
    if head < HEADS + KV:
        if NORM:
            if head < HEADS:
                first, second = _normalised(first, second, q_norm, at, here, HALF, eps)
            else:
                first, second = _normalised(first, second, k_norm, at, here, HALF, eps)
        if ROTATE:
            c = tl.load(cos + row * HALF + at, here, 0.0)
            s = tl.load(sin + row * HALF + at, here, 0.0)
            first, second = first * c - second * s, second * c + first * s
    tl.store(target + at, first.to(q_out.dtype.element_ty), here)
    tl.store(target + HALF + at, second.to(q_out.dtype.element_ty), here)


def rotate_and_append(
    q: Tensor, k: Tensor, v: Tensor, norms: tuple[Tensor, Tensor] | None, table: tuple[Tensor, Tensor] | None,
    keys: Tensor, values: Tensor, slots: Tensor, length: Tensor, eps: float,
) -> Tensor:  # fmt: skip
    """Norm (where there is one) and rotation of ``q [B, H D]`` and ``k [B, K D]``; k and v go into the cache.

    Args:
        norms: weights ``[D]`` of the query's and the key's norm.
        table: cosines and sines, ``[B, D / 2]`` float32 each.
        keys, values: one layer of the cache, ``[slots, K, T, D]``.
    """
    _, kv, room, size = keys.shape
    heads = q.shape[1] // size
    out = torch.empty_like(q)
    q_norm, k_norm = norms or (q, k)
    cos, sin = table or (q, q)
    _rotate_and_append[(q.shape[0], heads + 2 * kv)](
        q, k, v, q_norm, k_norm, cos, sin, out, keys, values, slots, length, eps, room,
        heads, kv, size // 2, triton.next_power_of_2(size // 2), norms is not None, table is not None, num_warps=1,
    )  # fmt: skip
    return out


@triton.jit
def _look(q, keys, values, top, total, mixed, begin, end, scale, head_size: tl.constexpr,
          D: tl.constexpr, BLOCK: tl.constexpr, PRECISION: tl.constexpr):  # fmt: skip
    """One run of an online softmax over the tokens begin..end of one head's keys and values."""
    d = tl.arange(0, D)
    for start in range(begin, end, BLOCK):
        token = start + tl.arange(0, BLOCK)
        here = (token < end)[:, None] & (d < head_size)[None, :]
        key = tl.load(keys + token[:, None] * head_size + d[None, :], here, 0.0)
        score = tl.dot(q, tl.trans(key), input_precision=PRECISION) * scale
        score = tl.where((token < end)[None, :], score, float("-inf"))
        peak = tl.maximum(top, tl.max(score, 1))
        shrink = tl.exp(top - peak)
        share = tl.exp(score - peak[:, None])
        total = total * shrink + tl.sum(share, 1)
        value = tl.load(values + token[:, None] * head_size + d[None, :], here, 0.0)
        mixed = mixed * shrink[:, None] + tl.dot(share.to(value.dtype), value, input_precision=PRECISION)
        top = peak
    return top, total, mixed


@triton.jit
def _attend(
    q, prompt_keys, prompt_values, keys, values, out, slots, first, length, scale, group, width, room,
    KV: tl.constexpr, SHARE: tl.constexpr, HEAD: tl.constexpr, D: tl.constexpr, BLOCK: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    row, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    slot = tl.load(slots + row)
    owner = slot // group
    member, d = tl.arange(0, 16), tl.arange(0, D)
    place = (row * KV + head) * SHARE * HEAD + member[:, None] * HEAD + d[None, :]
    here = (member < SHARE)[:, None] & (d < HEAD)[None, :]
    query = tl.load(q + place, here, 0.0)
    top = tl.full((16,), float("-inf"), tl.float32)
    total = tl.zeros((16,), tl.float32)
    mixed = tl.zeros((16, D), tl.float32)
    base = (owner * KV + head) * width * HEAD
    top, total, mixed = _look(query, prompt_keys + base, prompt_values + base, top, total, mixed,
                              tl.load(first + owner), width, scale, HEAD, D, BLOCK, PRECISION)  # fmt: skip
    base = (slot * KV + head) * room * HEAD
    top, total, mixed = _look(query, keys + base, values + base, top, total, mixed,
                              0, tl.load(length) + 1, scale, HEAD, D, BLOCK, PRECISION)  # fmt: skip
    tl.store(out + place, (mixed / total[:, None]).to(out.dtype.element_ty), here)


def attend(
    q: Tensor, prompt: tuple[Tensor, Tensor], own: tuple[Tensor, Tensor], slots: Tensor, first: Tensor,
    length: Tensor, group: int,
) -> Tensor:  # fmt: skip
    """``q [B, H D]`` over its row's prompt ``[N, K, P, D]`` and own tokens ``[slots, K, T, D]`` -> ``[B, H D]``.

    The query heads that share a key head (at most 16) are the rows of one product. Rows of one prompt stand side by
    side, so that the prompt's keys come from the GPU's own cache for all but the first of them.
    """
    _, kv, room, size = own[0].shape
    out = torch.empty_like(q)
    _attend[(q.shape[0], kv)](
        q, *prompt, *own, out, slots, first, length, size**-0.5, group, prompt[0].shape[2], room,
        kv, q.shape[1] // size // kv, size, max(16, triton.next_power_of_2(size)), 64,
        "ieee" if q.dtype == torch.float32 else "tf32", num_warps=4,
    )  # fmt: skip
    return out


@triton.jit
def _selected(logits, targets, chosen, normaliser, size, inverse_temperature, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    logits += row * size
    top = tl.full((BLOCK,), float("-inf"), tl.float32)
    total = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, size, BLOCK):
        at = start + tl.arange(0, BLOCK)
        value = tl.load(logits + at, at < size, float("-inf")).to(tl.float32) * inverse_temperature
        peak = tl.maximum(top, value)
        # where nothing but -inf has been seen the difference would be NaN
        shrink = tl.where(top == float("-inf"), 0.0, tl.exp(top - peak))
        total = total * shrink + tl.where(value == float("-inf"), 0.0, tl.exp(value - peak))
        top = peak
    peak = tl.max(top, 0)
    sum_ = tl.sum(tl.where(top == float("-inf"), 0.0, total * tl.exp(top - peak)), 0)
    value = tl.load(logits + tl.load(targets + row)).to(tl.float32) * inverse_temperature
    tl.store(chosen + row, value)
    tl.store(normaliser + row, peak + tl.log(sum_))


def selected(logits: Tensor, targets: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Of ``logits [n, V] / temperature``: the targets' own, and the log of the sum of exponentials, ``[n]`` each."""
    chosen = torch.empty(len(targets), device=logits.device, dtype=torch.float32)
    normaliser = torch.empty_like(chosen)
    _selected[(len(targets),)](
        logits, targets, chosen, normaliser, logits.shape[1], 1 / temperature, 2048, num_warps=8
    )
    return chosen, normaliser


@triton.jit
def _logits_to_gradient(logits, targets, normaliser, step, size, inverse_temperature, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    here = at < size
    value = tl.load(logits + row * size + at, here, float("-inf")).to(tl.float32) * inverse_temperature
    share = tl.exp(value - tl.load(normaliser + row))
    value = (tl.where(at == tl.load(targets + row), 1.0, 0.0) - share) * tl.load(step + row)
    tl.store(logits + row * size + at, value.to(logits.dtype.element_ty), here)


def logits_to_gradient(
    logits: Tensor, targets: Tensor, normaliser: Tensor, step: Tensor, temperature: float
) -> None:
    """In place of ``logits [n, V]``: ``(onehot(target) - softmax) * step``."""
    grid = (len(targets), triton.cdiv(logits.shape[1], 2048))
    _logits_to_gradient[grid](
        logits, targets, normaliser, step, logits.shape[1], 1 / temperature, 2048, num_warps=8
    )
