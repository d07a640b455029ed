"""One policy-gradient update from a batch of rollouts and their advantages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add

import torch
from torch import Tensor

from leadline.engine.agreement import Agreement
from leadline.engine.logprobs import completion_logprobs
from leadline.engine.micro_batches import micro_batches
from leadline.engine.optimiser import Optimiser
from leadline.engine.sampler import Rollouts
from leadline.grpo.config import LossConfig
from leadline.grpo.losses import PolicyLoss, loss_normaliser, policy_loss
from leadline.model import Decoder

__all__ = ["Learner", "Update", "reference_k1"]


@dataclass(frozen=True, slots=True)
class Update:
    """What an update did, for the log: means over its optimiser steps, shares over its tokens."""

    loss: float
    grad_norm: float
    clip_share: float
    kl: float
    computed_rows: int
    skipped_steps: int
    agreement: Mapping[str, float | None] = field(default_factory=dict)
    """Of trainer and sampler before the first optimiser step: :class:`leadline.engine.agreement.Agreement`."""


@dataclass(frozen=True)
class Learner:
    """Turns rollouts and advantages into optimiser steps.

    Attributes:
        model: the policy.
        optimiser: of its parameters.
        config: clipping, KL, aggregation.
        temperature: that the rollouts were sampled at.
        max_tokens: the token cap, for the ``constant`` normaliser.
        micro_tokens: computed tokens a micro-batch. Changes memory and speed, never the result beyond rounding.
        updates: optimiser steps a batch; prompts are dealt out in order.
        reference: frozen policy of the KL term, if there is one.
    """

    model: Decoder
    optimiser: Optimiser
    config: LossConfig
    temperature: float
    max_tokens: int
    micro_tokens: int
    updates: int = 1
    reference: Decoder | None = None

    def update(self, rollouts: Rollouts, advantage: Tensor, take_part: Tensor, step: int) -> Update:
        """Run the optimiser steps of one batch.

        Args:
            rollouts: the batch.
            advantage: ``[R]`` of every row.
            take_part: ``[R]`` False keeps a row out of the loss and its normaliser (masked truncations).
            step: position in the learning-rate schedule.
        """
        part = rollouts.owner * self.updates // rollouts.prompts.tokens.shape[0]
        norms, skipped, agreement = [], 0, Agreement()
        shares: list[PolicyLoss] = []
        for index in range(self.updates):
            rows = ((part == index) & take_part).nonzero()[:, 0]
            share = self.accumulate(rollouts, advantage, rows, None if shares else agreement)
            if share is None:
                continue  # no row with a gradient: an optimiser step would only move its momentum
            outcome = self.optimiser.step(step, float(share.loss))
            norms.append(outcome.grad_norm)
            skipped += outcome.skipped
            shares.append(share)
        total = reduce(add, shares) if shares else None
        return Update(
            loss=float(total.loss) / self.updates if total else 0.0,
            grad_norm=sum(norms) / len(norms) if norms else 0.0,
            clip_share=total.clip_share if total else 0.0,
            kl=total.mean_kl if total else 0.0,
            computed_rows=len(self.rows_with_signal(advantage, take_part.nonzero()[:, 0])),
            skipped_steps=skipped,
            agreement=agreement.metrics(),
        )

    def rows_with_signal(self, advantage: Tensor, rows: Tensor) -> Tensor:
        """The rows that have a gradient; without KL in the loss not those of advantage 0 (decision "Advantage 0")."""
        return rows if self.config.kl_in_loss else rows[advantage[rows] != 0]

    def accumulate(
        self, rollouts: Rollouts, advantage: Tensor, rows: Tensor, agreement: Agreement | None = None
    ) -> PolicyLoss | None:
        """Add the gradient of these rows to the parameters, micro-batch by micro-batch; None when they have none.

        ``agreement`` is told of every token, where there is one.
        """
        normaliser = loss_normaliser(
            int(rollouts.lengths[rows].sum()), len(rows), self.config, max_tokens=self.max_tokens
        )
        active = self.rows_with_signal(advantage, rows)
        if not len(active):
            return None
        total: PolicyLoss | None = None
        lengths, owner = rollouts.lengths[active], rollouts.owner[active]
        for batch in micro_batches(lengths, owner, rollouts.prompts.lengths, self.micro_tokens):
            share = self._micro_batch(rollouts, advantage, active[batch], normaliser, agreement)
            share.loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.collect()
            share = replace(share, loss=share.loss.detach())
            total = share if total is None else total + share
        return total

    def _micro_batch(
        self,
        rollouts: Rollouts,
        advantage: Tensor,
        rows: Tensor,
        normaliser: float,
        agreement: Agreement | None,
    ) -> PolicyLoss:
        picked = rollouts.owner[rows], rollouts.tokens[rows], rollouts.lengths[rows]
        logp, local = completion_logprobs(self.model, rollouts.prompts, *picked, self.temperature)
        sampled = rollouts.logprobs[rows][rollouts.mask[rows]]
        if agreement is not None:
            agreement.add(logp, sampled, local, rollouts.lengths[rows])
        old = sampled if self.updates > 1 else None
        ref = None
        if self.reference is not None and self.config.kl_in_loss:
            with torch.no_grad():
                ref, _ = completion_logprobs(self.reference, rollouts.prompts, *picked, self.temperature)
        return policy_loss(
            logp, old, advantage[rows], rows=local, ref_logp=ref, normaliser=normaliser, config=self.config
        )


@torch.no_grad()
def reference_k1(reference: Decoder, rollouts: Rollouts, temperature: float, micro_tokens: int) -> Tensor:
    """``[R]`` k1 of whole completions, ``log pi - log ref`` in nats, for KL in the reward."""
    total = rollouts.logprobs.sum(1)
    for rows in micro_batches(rollouts.lengths, rollouts.owner, rollouts.prompts.lengths, micro_tokens):
        picked = rollouts.owner[rows], rollouts.tokens[rows], rollouts.lengths[rows]
        logp, local = completion_logprobs(reference, rollouts.prompts, *picked, temperature)
        total[rows] -= torch.zeros_like(total[rows]).index_add_(0, local, logp)
    return total
