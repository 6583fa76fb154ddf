"""A network in the middle of learning: its module, optimiser and average on one device or many, and one step of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cnndsl.errors import TrainingError, reason
from cnndsl.ir.graph import Graph
from cnndsl.train.nonfinite import not_finite
from cnndsl.train.objective import Objective, mixed, results_of
from cnndsl.train.pixels import Item, seed_of
from cnndsl.train.recipe import Recipe


@dataclass
class Learner:
    """`module` has the weights, `model` is what Accelerate made of it, and `average` is kept if there is one."""

    graph: Graph
    recipe: Recipe
    seed: int
    layout: torch.memory_format
    accelerator: Accelerator
    module: nn.Module
    model: nn.Module
    optimizer: Any
    average: AveragedModel | None
    objective: Objective

    @property
    def kept(self) -> nn.Module:
        """What is evaluated and written."""
        return self.module if self.average is None else self.average.module

    def placed(self, pixels: Tensor) -> Tensor:
        pixels = pixels.to(self.accelerator.device, non_blocking=True)
        return pixels.contiguous(memory_format=self.layout) if pixels.dim() == 4 else pixels


def accelerator_for(recipe: Recipe) -> Accelerator:
    """One device, or this process's of many as `torchrun` or `accelerate launch` say. Raises `TrainingError`."""
    try:
        # Drop-path leaves out layers, and whoever waited for their gradients would wait for ever.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        return Accelerator(mixed_precision=recipe.precision, kwargs_handlers=[unused])
    except (ValueError, RuntimeError) as error:
        raise TrainingError(f"precision {recipe.precision} cannot be had here: {reason(error)}") from error


def learner_of(
    graph: Graph, module: nn.Module, recipe: Recipe, seed: int, layout: str, accelerator: Accelerator
) -> Learner:
    """Everything at the step before the first. Raises `TrainingError`."""
    objective = Objective(results_of(graph, recipe.aux_weight), recipe.label_smoothing)
    memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    module = module.to(accelerator.device).to(memory_format=memory)  # type: ignore[call-overload]
    if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
        module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
    if accelerator.device.type == "cuda":
        torch.backends.cudnn.deterministic = True  # a run that goes on has the same curve
    decay = get_ema_multi_avg_fn(recipe.ema) if recipe.ema else None  # type: ignore[no-untyped-call]
    average = AveragedModel(module, multi_avg_fn=decay) if decay else None
    learned = [each for each in module.parameters() if each.requires_grad]
    if not learned:
        raise TrainingError(f"{graph.name} has no weights that may change")
    plain = SGD(
        learned, recipe.lr, momentum=recipe.momentum, nesterov=recipe.nesterov, weight_decay=recipe.weight_decay
    )
    model, optimizer = accelerator.prepare(module, plain)
    return Learner(graph, recipe, seed, memory, accelerator, module, model, optimizer, average, objective)


def step(learner: Learner, item: Item, number: int, rate: float) -> tuple[float, float]:
    """Learn from one batch; gives its loss, and how many it had wrong. Raises `TrainingError` if that is not finite."""
    accelerator, recipe = learner.accelerator, learner.recipe
    torch.manual_seed(seed_of(learner.seed, number, accelerator.process_index))
    for group in learner.optimizer.param_groups:
        group["lr"] = rate
    learner.model.train()
    pixels, labels = learner.placed(item.pixels), item.labels.to(accelerator.device)
    total, wrong = 0.0, 0.0
    parts = list(zip(pixels.chunk(recipe.accumulate), labels.chunk(recipe.accumulate), strict=True))
    for at, part in enumerate(parts):
        waits = accelerator.no_sync(learner.model) if at + 1 < len(parts) else nullcontext()
        with waits:
            run = _run(learner, *part)
            loss, mistakes = run()
            if not bool(loss.isfinite()):
                _require_finite(learner, run, part[0], number)
            accelerator.backward(loss / len(parts))
        total, wrong = total + float(loss.detach()) / len(parts), wrong + float(mistakes)
    if recipe.clip and accelerator.sync_gradients:
        accelerator.clip_grad_norm_(learner.module.parameters(), recipe.clip)
    learner.optimizer.step()
    learner.optimizer.zero_grad()
    if learner.average is not None:
        _update_average(learner.average, learner.module)
    return total, wrong


def _run(learner: Learner, pixels: Tensor, labels: Tensor) -> Callable[[], tuple[Tensor, Tensor]]:
    """What gives the loss of a part of a batch, and how many of it were wrong by their first labels."""
    objective, alpha = learner.objective, learner.recipe.mixup
    shown, other, stays = mixed(pixels, alpha) if alpha else (pixels, None, 1.0)

    def run() -> tuple[Tensor, Tensor]:
        logits = objective.logits(learner.model(shown))
        loss = objective.loss(logits, labels)
        if other is not None:
            loss = stays * loss + (1 - stays) * objective.loss(logits, labels[other])
        return loss, (logits[0].detach().argmax(1) != labels).sum()

    return run


def _require_finite(learner: Learner, run: Callable[[], object], pixels: Tensor, number: int) -> None:
    where = not_finite(learner.graph, learner.module, run, pixels)
    helps = "a lower --lr, --warmup or --clip may help"
    raise TrainingError(f"the loss of step {number + 1:,} is not finite: {where}; {helps}")


def _update_average(average: AveragedModel, module: nn.Module) -> None:
    """Weights are averaged; statistics of batch norms are those of the last step."""
    average.update_parameters(module)
    for kept, now in zip(average.module.buffers(), module.buffers(), strict=True):
        kept.copy_(now)


def quiet_libraries() -> None:
    """What is said of parts that drop-path has left out, in every run on several devices, says nothing new."""
    warnings.filterwarnings("ignore", message="find_unused_parameters=True was specified")
