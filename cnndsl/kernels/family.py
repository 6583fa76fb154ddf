"""What a family of kernels is from outside: which problems it takes, what may run them, and what ships.

A plan names a family, a problem and a configuration, all plain data that needs neither Triton nor PyTorch. Only
`specialize` looks at the template, and imports it then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from cnndsl.kernels.precision import Dtype
from cnndsl.kernels.targets import Target
from cnndsl.kernels.tiling import Tiling
from cnndsl.kernels.work import Work

if TYPE_CHECKING:
    from torch import Tensor

    from cnndsl.kernels.specialization import Specialization
    from cnndsl.kernels.trials.laying import Both, Laying

Problem = Any  # a dataclass of the family's module, with `work()`
Config = Any  # a dataclass of the family's module


@dataclass(frozen=True)
class Shipped:
    """A configuration on a typical problem; `rows` is the height of its matrix products (0: it has none)."""

    label: str
    problem: Problem
    config: Config
    rows: int = 0


@dataclass(frozen=True)
class Family:
    """One kernel.

    template        the module and function of `cnndsl.kernels.templates` that make it ready for a problem
    suggest         the configuration for a problem where nothing was measured
    configurations  every one that may be tried for it
    shipped         what is compiled ahead of time by the tests, for a GPU and a type
    refusal         why it does not take a problem, if it does not
    work            what one launch must move and compute
    tiling          the blocks of a matrix product: from them its time is modelled, and what the L2 cache must give
    sums            elements of float32 for parts of sums, and of int32 for their counters, which a launch finds and
                    leaves at 0; (0, 0) if its sums are whole
    trial           the module of `cnndsl.kernels.trials` with small problems, tensors, and what must come out
    rivals          families whose problems it takes too, as another way to compute them
    most            configurations that are worth measuring (0: all)
    starts          bytes at a multiple of which its input must start
    copies          whether all operands go to shared memory, in whole vectors
    boxes           whether it reads through the tensor memory accelerator
    dtypes          the types in which it ships
    """

    name: str
    template: str
    suggest: Callable[[Problem, Target], Config]
    configurations: Callable[[Problem, Target], tuple[Config, ...]]
    shipped: Callable[[Target, Dtype], Iterator[Shipped]]
    refusal: Callable[[Problem], str | None] = lambda problem: None
    work: Callable[[Problem], Work] = lambda problem: problem.work()
    tiling: Callable[[Problem, Config], Tiling] | None = None
    sums: Callable[[Problem, Config], tuple[int, int]] = lambda problem, config: (0, 0)
    trial: str = ""
    rivals: tuple[str, ...] = ()
    most: int = 0
    starts: int = 1
    copies: bool = False
    boxes: bool = False
    dtypes: tuple[Dtype, ...] = ("fp16", "bf16", "fp32")

    @property
    def module(self) -> str:
        """Of its template."""
        return f"cnndsl.kernels.templates.{self.template.partition('.')[0]}"

    @property
    def posed(self) -> str:
        """The family to which the problems that it takes are posed."""
        return self.rivals[0] if self.rivals else self.name

    def specialize(self, problem: Problem, config: Config) -> Specialization:
        """Raises ValueError for a problem that it does not take (`refusal`), ImportError without Triton."""
        made: Specialization = getattr(import_module(self.module), self.template.partition(".")[2])(problem, config)
        return made

    def cached(self, problem: Problem, config: Config) -> int:
        """Bytes that one launch reads through the L2 cache; where it has no tiling, each once as from memory."""
        return self.work(problem).bytes if self.tiling is None else self.tiling(problem, config).operands

    @property
    def examples(self) -> Mapping[str, Problem]:
        """Small problems by what is special about them, for tests."""
        found: Mapping[str, Problem] = self._trial.EXAMPLES if self.trial else {}
        return found

    def lay(self, problem: Problem, laying: Laying) -> Both:
        """Tensors for a problem: random inputs, and outputs to be written."""
        both: Both = self._trial.lay(problem, laying)
        return both

    def expected(self, problem: Problem, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The outputs by their names, N x H x W x C where it is a map."""
        outputs: dict[str, Tensor] = self._trial.expected(problem, tensors)
        return outputs

    @property
    def _trial(self) -> Any:
        return import_module(f"cnndsl.kernels.trials.{self.trial}")


def by_type(configurations: Callable[[Target, Dtype], tuple[Config, ...]]) -> Callable[[Problem, Target], Any]:
    """Configurations that are the same for all problems of a type."""
    return lambda problem, target: configurations(target, problem.dtype)


def matrix_label(config: Config) -> str:
    """A configuration of a matrix product, as tables have it."""
    return f"{config.block_m}x{config.block_n}x{config.block_k}, {config.warps} warps"


def tile_label(config: Config, target: Target) -> str:
    """A configuration by pixels and channels."""
    return f"{config.block_m}x{config.block_c}, {config.warps * target.lanes} threads"
