"""Completion in the words of each shell, written from the same command lines; networks are those of the zoo."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

from cnndsl.cli.command_lines import Argument, CommandLine, command_lines, flat
from cnndsl.models import zoo_names

# --- bash

_BASH = """\
# Completion of cnndsl for bash.
_cnndsl() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} command= word
    local networks="{networks}"
    _cnndsl_models() {{
        COMPREPLY=($(compgen -W "$networks" -- "$cur") $(compgen -f -X '!*.arch' -- "$cur") $(compgen -d -- "$cur"))
    }}
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD - 1}}"; do
        [[ $word == -* ]] || {{ command=$word; break; }}
    done
    COMPREPLY=()
    case $command in
        "") COMPREPLY=($(compgen -W "{commands} --help --version" -- "$cur")) ;;
{cases}
    esac
}}
complete -o filenames -o bashdefault -F _cnndsl cnndsl
"""
_BASH_VALUES = {
    "model": "_cnndsl_models",
    "file": 'COMPREPLY=($(compgen -f -- "$cur"))',
    "folder": 'COMPREPLY=($(compgen -d -- "$cur"))',
    "value": "COMPREPLY=()",
}


def bash() -> str:
    commands = command_lines()
    cases = "\n".join(_bash_case(command) for command in commands)
    return _BASH.format(networks=_networks(), commands=" ".join(_words(commands)), cases=cases)


def _bash_case(command: CommandLine) -> str:
    arguments = _all_arguments(command)
    cases = [
        f"                {'|'.join(each.flags)}) {_bash_value(each)} ;;"
        for each in arguments
        if each.flags and each.takes != "nothing"
    ]
    flags = " ".join(flag for each in arguments for flag in each.flags)
    place = next((each for each in arguments if not each.flags), None)
    otherwise = [
        f'                -*) COMPREPLY=($(compgen -W "{flags}" -- "$cur")) ;;',
        f"                *) {_bash_place(command, place)} ;;",
    ]
    head = [f"        {command.words[0]})", "            case $previous in", *cases]
    inner = ["                *) case $cur in", *otherwise, "                esac ;;", "            esac ;;"]
    return "\n".join([*head, *inner])


def _bash_value(argument: Argument) -> str:
    if argument.takes == "choice":
        return f'COMPREPLY=($(compgen -W "{" ".join(argument.choices)}" -- "$cur"))'
    return _BASH_VALUES[argument.takes]


def _bash_place(command: CommandLine, place: Argument | None) -> str:
    if command.actions:
        actions = f'COMPREPLY=($(compgen -W "{" ".join(_words(command.actions))}" -- "$cur"))'
        return f"if [[ $previous == {command.words[0]} ]]; then {actions}; else _cnndsl_models; fi"
    return _bash_value(place) if place is not None else ":"


# --- zsh

_ZSH = """\
#compdef cnndsl
# Completion of cnndsl for zsh: _cnndsl in a folder of $fpath.
_cnndsl_model() {{
    local -a networks
    networks=({networks})
    _alternative 'networks:network of the zoo:compadd -a networks' 'files:file:_files -g "*.arch"'
}}
_cnndsl() {{
    local -a commands
    commands=(
{commands}
    )
    if (( CURRENT == 2 )); then
        _describe -t commands command commands
        return
    fi
    shift words
    (( CURRENT-- ))
    case $words[1] in
{cases}
    esac
}}
if [[ $funcstack[1] == _cnndsl ]]; then _cnndsl "$@"; elif (( $+functions[compdef] )); then compdef _cnndsl cnndsl; fi
"""
_ZSH_VALUES = {"model": "_cnndsl_model", "file": "_files", "folder": "_files -/", "value": " "}


def zsh() -> str:
    commands = command_lines()
    listed = "\n".join(f"        {shlex.quote(f'{each.words[0]}:{each.summary}')}" for each in commands)
    cases = "\n".join(_zsh_case(command) for command in commands)
    return _ZSH.format(networks=_networks(), commands=listed, cases=cases)


def _zsh_case(command: CommandLine) -> str:
    specs = [spec for each in _all_arguments(command) for spec in _zsh_specs(each)]
    if command.actions:
        specs.insert(0, shlex.quote(f"1:action:({' '.join(_words(command.actions))})"))
    return "\n".join([f"        {command.words[0]})", "            _arguments \\", *_joined(specs), "            ;;"])


def _joined(specs: list[str]) -> Iterator[str]:
    for at, spec in enumerate(specs):
        yield f"                {spec}" + (" \\" if at < len(specs) - 1 else "")


def _zsh_specs(argument: Argument) -> Iterator[str]:
    values = f"({' '.join(argument.choices)})" if argument.takes == "choice" else _ZSH_VALUES.get(argument.takes, "")
    takes = "" if argument.takes == "nothing" else f":{_plain(argument.name) or 'choice'}:{values}"
    for flag in argument.flags:
        yield shlex.quote(f"*{flag}[{_plain(argument.help)}]{takes}")
    if not argument.flags:
        yield shlex.quote(f"*{takes}")


def _plain(text: str) -> str:
    """Without the signs that mean something in a specification."""
    return re.sub(r"[\[\]:\\]", " ", text).strip()


# --- fish


def fish() -> str:
    commands = command_lines()
    lines = ["# Completion of cnndsl for fish.", f"set -l networks {_networks()}"]
    lines.append("complete -c cnndsl -f")
    for command in commands:
        lines.append(
            f"complete -c cnndsl -n __fish_use_subcommand -a {command.words[0]} -d {_fish_text(command.summary)}"
        )
        seen = f"-n '__fish_seen_subcommand_from {command.words[0]}'"
        if command.actions:
            lines.append(f"complete -c cnndsl {seen} -a '{' '.join(_words(command.actions))}'")
        lines += [
            f"complete -c cnndsl {seen} {each}" for argument in _all_arguments(command) for each in _fish(argument)
        ]
    return "\n".join(lines) + "\n"


def _fish(argument: Argument) -> Iterator[str]:
    takes = {"model": '-a "$networks" -F', "file": "-F", "folder": "-xa '(__fish_complete_directories)'", "value": "-x"}
    values = f"-xa '{' '.join(argument.choices)}'" if argument.takes == "choice" else takes.get(argument.takes, "")
    if not argument.flags:
        yield values.replace("-xa", "-a").replace("-x", "") if argument.takes == "choice" else values
        return
    flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in argument.flags)
    required = " -r" if argument.takes in ("model", "file") else ""
    yield f"{flags}{required} {values} -d {_fish_text(argument.help)}"


def _fish_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# --- of all


def _networks() -> str:
    return " ".join(sorted({name for name, _ in zoo_names()}))


def _words(commands: Iterable[CommandLine]) -> list[str]:
    return [command.words[-1] for command in commands]


def _all_arguments(command: CommandLine) -> list[Argument]:
    """The arguments of a command and of its actions, each once."""
    found: dict[tuple[tuple[str, ...], str], Argument] = {}
    for line in (command, *flat([command])):
        for argument in line.arguments:
            found.setdefault((argument.flags, argument.name if not argument.flags else ""), argument)
    return [*found.values()]
