"""Random networks in which several tensors flow: blocks that take bundles and give as many, more, fewer or one."""

from __future__ import annotations

from random import Random

BASIC = """block basic(width) {
    residual { conv 3x3, width -> bn -> relu -> conv 3x3, width -> bn }
    relu
}"""
ENDS = (
    ["concat -> global_avgpool -> linear 3"],
    ["each { global_avgpool }"],
    ["identity as last", "head scores { each { conv 3x3, 6 } }", "from last", "head boxes { each { conv 3x3, 2 } }"],
    [],
)
MOST = 4  # tensors beside each other


def random_streams(seed: int) -> str:
    """The text of a network that checks."""
    random = Random(seed)
    widths = [random.choice([4, 8]) for _ in range(random.randint(2, MOST))]
    blocks = [BASIC]
    lines = ["input 4 x 16 x 16", f"group {{ {' '.join(f'| conv 3x3, {width} -> relu' for width in widths)} }}"]
    for number in range(random.randint(1, 3)):
        name = f"exchange{number}"
        text, given = _block(random, name, widths)
        blocks.append(text)
        if given == widths:
            lines += _rounds(random, name)
        else:
            found, widths = _apart(random, name, given)
            lines += found
    body = "\n".join(f"    {line}" for line in [*lines, *random.choice(ENDS)])
    return "\n".join([*blocks, f"network streams {{\n{body}\n}}"])


def _rounds(random: Random, name: str) -> list[str]:
    """One after the other, some with a name, some with a layer for each tensor behind them."""
    lines = []
    for number in range(random.randint(1, 4)):
        lines.append(name + (f" as {name}_{number}" if random.random() < 0.4 else ""))
        lines += ["each { basic in.channels }"] * (random.random() < 0.3)
    return lines


def _apart(random: Random, name: str, given: list[int]) -> tuple[list[str], list[int]]:
    """Several of the same tensors; what they give flows on together, as far as it is not too many."""
    calls = [f"{name}_{number}" for number in range(random.randint(1, 4))]
    lines = [f"identity as before_{name}", *(f"from before_{name} -> {name} as {call}" for call in calls)]
    widths = given * len(calls)
    lines += [f"group {{ {' '.join(f'| from {call}' for call in calls)} }}", f"identity as all_{name}"]
    if len(widths) == 1:
        return [*lines, f"group {{ | from all_{name} | from all_{name}[0] -> conv 3x3, 8 }}"], [*widths, 8]
    few = " ".join(f"| from all_{name}[{number}]" for number in range(min(MOST, len(widths))))
    return [*lines, f"group {{ {few} }}"], widths[:MOST]


def _block(random: Random, name: str, widths: list[int]) -> tuple[str, list[int]]:
    """A block of so many tensors, and the channels of what it gives."""
    lines, read = ["identity as p"], []
    for number, width in enumerate(widths):
        goes_on = random.random() < 0.4
        lines += [f"from p[{number}] -> {_chain(random, width)} as q{number}"] * goes_on
        read.append(f"q{number}" if goes_on else f"p[{number}]")
    if random.random() < 0.4:
        alike = " -> each { relu -> conv 3x3, in.channels -> bn }" * (random.random() < 0.5)
        lines.append(f"group {{ {' '.join(f'| from {each}' for each in read)} }}{alike} as z")
        read = [f"z[{number}]" for number in range(len(widths))]
    count = random.choice([len(widths)] * 3 + [1, len(widths) + 1])
    given = [widths[number % len(widths)] for number in range(count)]
    results = [_merge(random, width, read, widths) for width in given]
    lines.append(results[0] if count == 1 else f"group {{ {' '.join(f'| {each}' for each in results)} }}")
    body = "\n".join(f"    {line}" for line in lines)
    return f"block {name} {{\n{body}\n}}", given


def _merge(random: Random, width: int, read: list[str], widths: list[int]) -> str:
    """One tensor of some of those."""
    chosen = random.sample(range(len(read)), random.randint(1, len(read)))
    branches = [
        f"from {read[number]}" + f" -> conv 1x1, {width} -> {_chain(random, width)}" * (widths[number] != width)
        for number in chosen
    ]
    if len(branches) == 1:
        return branches[0] + f" -> conv 1x1, {width}"
    word = random.choice(["add", "add", "concat", "mul", "max"])
    return f"{word} {{ {' '.join(f'| {each}' for each in branches)} }} -> conv 1x1, {width}" + random.choice(
        ["", " -> relu"]
    )


def _chain(random: Random, width: int) -> str:
    layers = (f"conv 3x3, {width} -> bn -> relu", f"residual {{ conv 3x3, {width} -> bn }}", "relu", f"basic {width}")
    return " -> ".join(random.choices(layers, k=random.randint(1, 3)))
