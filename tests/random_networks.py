"""Networks nobody thought of: random `.arch` texts with nested blocks, merges, skips over scopes, and heads."""

from __future__ import annotations

from random import Random

LAYERS = (
    "conv 3x3, {n}",
    "conv 1x1, {n}, bias=true",
    "bn",
    "relu",
    "depthwise 3x3",
    "sigmoid",
    "leaky_relu 0.2",
    "scale 0.5",
)


class Writer:
    """Writes one network from a seed. All maps stay 8 x 8, so that any two can be concatenated."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.labels = 0

    def network(self) -> str:
        bodies = [self.flow(2, calls=i, labels=[], filters="n") for i in range(3)]
        blocks = [f"block b{i}(n, k = 3) {{\n  {body}\n  conv k, n\n}}\n" for i, body in enumerate(bodies)]
        labels: list[str] = []
        lines = ["input 3 x 8 x 8"]
        for _ in range(self.random.randint(3, 7)):
            lines.append(self.statement(3, calls=3, labels=labels, filters=""))
            if self.random.random() < 0.2:
                self.labels += 1
                only = self.random.choice(["true", "false"])
                lines.append(f"head h{self.labels}, train_only={only} {{ {self.flow(1, 3, [], '')} }}")
        return "\n".join([*blocks, "network random {", *(f"  {line}" for line in lines), "}"])

    def statement(self, depth: int, calls: int, labels: list[str], filters: str) -> str:
        """A flow, at times with a label that later statements of the same body may read."""
        text = self.flow(depth, calls, labels, filters)
        if self.random.random() < 0.4:
            self.labels += 1
            labels.append(f"t{self.labels}")
            return f"{text} as t{self.labels}"
        return text

    def flow(self, depth: int, calls: int, labels: list[str], filters: str) -> str:
        return " -> ".join(self.element(depth, calls, labels, filters) for _ in range(self.random.randint(1, 3)))

    def element(self, depth: int, calls: int, labels: list[str], filters: str) -> str:
        roll = self.random.random()
        if depth == 0 or roll < 0.5:
            return self.random.choice(LAYERS).format(n=filters or self.random.choice([2, 4, 8]))
        labels = list(labels)  # what is labelled in a body stays there
        inner = [self.flow(depth - 1, calls, labels, filters) for _ in range(2)]
        if roll < 0.6 and calls:
            argument = filters or str(self.random.choice([2, 4]))
            return f"b{self.random.randrange(calls)} {argument}{self.random.choice(['', ', k=1', ', 5'])}"
        if roll < 0.7:
            reads = f"| from {self.random.choice(labels)}" if labels else "| identity"
            return f"concat {{ | {inner[0]} {reads} | {inner[1]} }}"
        if roll < 0.8:
            return f"residual shortcut=projection {{ {inner[0]} }}"
        if roll < 0.85:
            return f"dense {self.random.randint(2, 4)} {{ {inner[0]} -> conv 3x3, 2 }}"
        if roll < 0.9:
            return f"mul {{ | identity | {inner[0]} -> conv 1x1, in.channels -> conv 1x1, 1 }}"
        if roll < 0.93:
            return f"{inner[0]} -> conv 3x3, {filters or 8}"
        return f"stage {{ {self.statement(depth - 1, calls, labels, filters)}\n {inner[1]} }}"


def random_network(seed: int) -> str:
    return Writer(seed).network()
