"""`cnndsl train MODEL --data DATA`: a network learns from labelled pictures, in a folder that a run can go on from."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.cli.arguments import MODEL_HELP, UsageError, add_request, destination, positive, seed
from cnndsl.cli.checked import checked_network
from cnndsl.errors import DataError, ParameterError, TrainingError
from cnndsl.train.presets import PRESETS, RECIPES
from cnndsl.train.recipe import CHOICES, HELP, KINDS, Recipe, changed, read_recipe

if TYPE_CHECKING:
    from cnndsl.architecture import Architecture
    from cnndsl.train.job import Job

DATA_HELP = "a folder with one folder for each class, fashionmnist:DIR, cifar10:DIR, or fake"
DEFAULT = "resnet2015"
STOPPED = 75  # "try again later", as sysexits.h and schedulers know it
PACKAGES = ("torch", "safetensors", "PIL", "torchvision", "accelerate", "tqdm")

EXAMPLES = f"""\
examples:
  cnndsl train resnet20 --data fake --recipe resnet2015_cifar --epochs 1 -o runs/resnet20
  cnndsl train --resume runs/resnet20 --epochs 2

recipes:
{chr(10).join(f"  {name:<18}{preset.source}" for name, preset in PRESETS.items())}

exit codes: 0 done, {STOPPED} asked to end and saved, 1 diverged
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", nargs="?", help=MODEL_HELP)
    parser.add_argument("--data", help=DATA_HELP)
    parser.add_argument("--recipe", metavar="NAME|FILE.toml", default=None, help=f"(default: {DEFAULT})")
    parser.add_argument("-o", "--output", metavar="RUN", type=destination, help="a new folder (default: runs/NETWORK)")
    parser.add_argument("--resume", metavar="RUN", type=Path, help="go on with the run in a folder, as it was begun")
    parser.add_argument(
        "--weights", metavar="PATH", help="begin with these: NAME.safetensors, its folder, or NAME if imported"
    )
    parser.add_argument(
        "--freeze", metavar="PART", action="append", default=[], help="keep the weights of a part, or all-but-head"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of all that is random (default: 0)")
    parser.add_argument("--workers", type=_count, help="processes that read pictures (default: by what data is)")
    parser.add_argument(
        "--layout", choices=("channels_last", "contiguous"), default="channels_last", help="of maps in memory"
    )
    recipe = parser.add_argument_group("in place of what the recipe says")
    for name, kind in KINDS.items():
        _add_override(recipe, name, kind)
    add_request(parser)
    parser.set_defaults(run=run)


def _add_override(group: argparse._ArgumentGroup, name: str, kind: type) -> None:
    options: dict[str, Any] = {"dest": f"recipe_{name}", "default": None, "help": HELP[name]}
    if kind is bool:
        options["action"] = argparse.BooleanOptionalAction
    elif kind is tuple:
        options |= {"type": _numbers, "metavar": "N,N"}
    else:
        options |= {"type": kind, "metavar": None if name in CHOICES else "N", "choices": CHOICES.get(name)}
    group.add_argument(f"--{name.replace('_', '-')}", **options)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(each) for each in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers such as 0.5,0.75") from error


def _count(text: str) -> int:
    return 0 if text == "0" else positive(text)


def run(options: argparse.Namespace) -> int:
    from cnndsl.extras import require

    overrides = {name: getattr(options, f"recipe_{name}") for name in KINDS}
    values = {name: value for name, value in overrides.items() if value is not None}
    _require_sense(options, values)
    recipe = recipe_named(options.recipe, values) if options.resume is None else None
    require(*PACKAGES, extra="train")
    try:
        return _begin(options, recipe) if recipe is not None else _resume(options.resume, values.get("epochs"))
    except TrainingError as error:
        print(f"cnndsl: error: {error}", file=sys.stderr)
        return 1


def _require_sense(options: argparse.Namespace, values: dict[str, object]) -> None:
    """Raise `UsageError` for what does not go together."""
    if options.resume is None:
        if options.model is None or options.data is None:
            raise UsageError("train takes a MODEL and --data, or --resume with the folder of a run")
        return
    new = (options.model, options.data, options.recipe, options.output, options.weights, options.workers)
    others = [*filter(None, new), *options.freeze, *options.parameters, *options.input, *(values.keys() - {"epochs"})]
    if others or options.seed or options.max_nodes or options.layout != "channels_last":
        raise UsageError("--resume goes on with a run as it was begun; with it only --epochs can be given")


def recipe_named(named: str | None, values: dict[str, Any]) -> Recipe:
    """A preset or a file, and what is in its place. Raises `UsageError` and `ParameterError`."""
    if named is not None and named.endswith(".toml"):
        return changed(read_recipe(Path(named), RECIPES), values)
    if (named or DEFAULT) not in RECIPES:
        from cnndsl.diagnostics import did_you_mean

        hint = did_you_mean(str(named), list(RECIPES), f"there are {', '.join(RECIPES)}")
        raise UsageError(f"there is no recipe {named}; {hint}")
    return changed(RECIPES[named or DEFAULT], values)


def _begin(options: argparse.Namespace, recipe: Recipe) -> int:
    from cnndsl.train.data.named import read_data
    from cnndsl.train.run import begin

    network = checked_network(options)
    if network is None:
        return 1
    data = read_data(options.data, network.output_shape[0])
    fitting = with_classes(options, network, len(data.classes))
    if fitting is None:
        return 1
    folder = options.output or Path("runs") / fitting.name
    return _code(begin(fitting, _job(options, recipe), data, folder, _say))


def with_classes(options: argparse.Namespace, network: Architecture, count: int) -> Architecture | None:
    """The network with as many classes as the data has; None after printing what is wrong with that one.

    Raises `DataError` if it has another number and no parameter for it.
    """
    if network.output_shape == (count,):
        return network
    shape = " x ".join(map(str, network.output_shape))
    unfit = DataError(f"{network.name} puts out {shape} values, and the data has {count:,} classes")
    if any(each.partition("=")[0].strip() == "classes" for each in options.parameters):
        raise unfit
    options.parameters.append(f"classes={count}")
    try:
        fitting = checked_network(options, warn=False)
    except ParameterError as error:  # it has no such parameter
        raise unfit from error
    if fitting is not None and fitting.output_shape != (count,):
        raise unfit
    print(f"note: {network.name} with classes = {count}, as the data has")
    return fitting


def _job(options: argparse.Namespace, recipe: Recipe) -> Job:
    from cnndsl.train.job import Job, workers_for

    return Job(
        model=options.model,
        data=options.data,
        recipe_name=options.recipe or DEFAULT,
        recipe=recipe,
        seed=options.seed,
        workers=workers_for(options.data) if options.workers is None else options.workers,
        layout=options.layout,
        weights=options.weights,
        freeze=tuple(options.freeze),
    )


def _resume(folder: Path, epochs: int | None) -> int:
    from cnndsl.train.run import resume

    return _code(resume(folder, epochs, _say))


def _code(end: str) -> int:
    return STOPPED if end == "stopped" else 0


def _say(line: str) -> None:
    print(line, flush=True)
