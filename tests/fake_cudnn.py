"""cuDNN's graphs as `nvidia-cudnn-frontend` makes them, computed by PyTorch on the CPU. Calls take what its calls take,
by name; tensors must lie as a graph was told, and start where its engines can read vectors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from cnndsl.backends.triton import cudnn_graph

ENGINES = 2  # of each graph
WORKSPACE = 64
NAMES = {"HALF": torch.float16, "BFLOAT16": torch.bfloat16, "FLOAT": torch.float32, "BOOLEAN": torch.bool}
Values = Mapping[int, torch.Tensor]


class Tensor:
    """One of a graph: `value` computes it from those that are given, by their numbers."""

    def __init__(self, value: Callable[[Values], torch.Tensor], dtype: torch.dtype) -> None:
        self.compute, self.dtype, self.output, self.uid = value, dtype, False, 0
        self.dim: list[int] = []
        self.stride: list[int] = []

    def value(self, given: Values) -> torch.Tensor:
        """Rounded to its own type, in float32."""
        found = self.compute(given)
        return found if self.dtype is torch.bool else found.to(self.dtype).float()

    def set_output(self, output: bool) -> Tensor:
        self.output = output
        return self

    def set_data_type(self, dtype: torch.dtype) -> Tensor:
        self.dtype = dtype
        return self

    def set_dim(self, dim: list[int]) -> Tensor:
        self.dim = dim
        return self

    def set_stride(self, stride: list[int]) -> Tensor:
        self.stride = stride
        return self

    def set_uid(self, uid: int) -> Tensor:
        self.uid = uid
        return self


class Graph:
    def __init__(self, *, io_data_type: Any, intermediate_data_type: Any, compute_data_type: Any, handle: Any) -> None:
        assert intermediate_data_type is compute_data_type is torch.float32 and handle is not None
        self.lying: list[Tensor] = []  # tensors in memory
        self.made: list[Tensor] = []
        self.ready: list[str] = []

    def tensor(self, *, name: str, dim: list[int], stride: list[int], data_type: Any, uid: int) -> Tensor:
        assert 1 in stride[1:2], f"{name} is not channels last"
        given = Tensor(lambda values: values[uid], data_type).set_dim(dim).set_stride(stride).set_uid(uid)
        self.lying.append(given)
        return given

    def tensor_scalar(self, value: float, scalar_type: str) -> Tensor:
        assert scalar_type == "constant"
        return Tensor(lambda values: torch.tensor(value), torch.float32)

    def conv_fprop(
        self,
        *,
        image: Tensor,
        weight: Tensor,
        pre_padding: list[int],
        post_padding: list[int],
        stride: list[int],
        dilation: list[int],
    ) -> Tensor:
        sides = (pre_padding[1], post_padding[1], pre_padding[0], post_padding[0])
        return self._add(
            lambda values: F.conv2d(
                F.pad(image.value(values), sides), weight.value(values), None, stride, 0, dilation
            )
        )  # fmt: skip

    def binary_select(self, *, input0: Tensor, input1: Tensor, mask: Tensor) -> Tensor:
        assert mask.dtype is torch.bool
        return self._add(lambda values: torch.where(mask.value(values), input0.value(values), input1.value(values)))

    def _add(self, compute: Callable[[Values], torch.Tensor]) -> Tensor:
        self.made.append(Tensor(compute, torch.float32))
        return self.made[-1]

    def validate(self) -> None:
        (result,) = (each for each in self.made if each.output)
        self.lying.append(result)
        self.ready.append("valid")

    def build_operation_graph(self) -> None:
        assert self.ready == ["valid"]
        self.ready.append("lowered")

    def create_execution_plans(self, modes: Sequence[str]) -> None:
        assert self.ready[-1] == "lowered" and modes == ["A"]
        self.ready.append("planned")

    def get_execution_plan_count(self) -> int:
        return ENGINES

    def build_plan_at_index(self, index: int) -> None:
        assert self.ready[-1] == "planned" and 0 <= index < ENGINES
        self.ready.append("built")

    def get_workspace_size(self) -> int:
        assert self.ready[-1] == "built"
        return WORKSPACE

    def execute(self, pack: Mapping[int, torch.Tensor], workspace: torch.Tensor, *, handle: Any) -> None:
        assert handle.stream == torch.cuda.current_stream(None).cuda_stream and workspace.numel() >= WORKSPACE
        for each in self.lying:
            found = pack[each.uid]
            assert [*found.shape] == each.dim and [*found.stride()] == each.stride and found.dtype is each.dtype
            assert found.data_ptr() % 16 == 0
        result = self.lying[-1]
        pack[result.uid].copy_(result.value({each.uid: pack[each.uid].float() for each in self.lying[:-1]}))


def _pointwise(compute: Callable[..., torch.Tensor], *names: str) -> Callable[..., Tensor]:
    """An operation with arguments of these names."""

    def operation(graph: Graph, **inputs: Tensor) -> Tensor:
        assert inputs.keys() == set(names)
        return graph._add(lambda values: compute(*(inputs[name].value(values) for name in names)))

    return operation


BINARY = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div}
UNARY = {each.__name__: each for each in (torch.neg, torch.exp, torch.log, torch.tanh, torch.erf, torch.relu)}
COMPARED = {"cmp_lt": torch.lt, "cmp_le": torch.le, "cmp_gt": torch.gt, "cmp_ge": torch.ge}
for names, functions in ((("a", "b"), BINARY), (("input",), UNARY), (("input", "comparison"), COMPARED)):
    for name, function in functions.items():
        setattr(Graph, name, _pointwise(function, *names))


def fake_cudnn() -> Any:
    return SimpleNamespace(
        data_type=SimpleNamespace(**NAMES),
        scalar_type=SimpleNamespace(COMPILE_TIME_CONST="constant"),
        heur_mode=SimpleNamespace(A="A"),
        pygraph=Graph,
        create_handle=lambda: SimpleNamespace(stream=None),
        set_stream=lambda handle, stream: setattr(handle, "stream", stream),
    )


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the package were there, in one version."""
    monkeypatch.setitem(sys.modules, "cudnn", fake_cudnn())
    monkeypatch.setattr("cnndsl.extras.find_spec", lambda name: name)
    monkeypatch.setattr(cudnn_graph, "version", lambda: "9, 1")
    for kept in (cudnn_graph._built, cudnn_graph._handle):
        kept.cache_clear()
