"""`cnndsl explain E203`: what a code means, with a wrong example and the repaired one."""

from __future__ import annotations

import argparse

from cnndsl.cli.arguments import Commands, UsageError, add_command


def add_to(commands: Commands) -> None:
    parser = add_command(commands, "explain", "Explain a diagnostic code, or list all of them.")
    parser.add_argument("code", metavar="CODE", nargs="?", help="such as E203; without one, all codes are listed")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.diagnostics import closest
    from cnndsl.diagnostics.codes import all_codes, lookup

    if options.code is None:
        for each in all_codes():
            print(f"{each.code}  {each.title}")
        return 0
    code = lookup(options.code.upper())
    if code is None:
        guess = closest(options.code.upper(), [each.code for each in all_codes()])
        hint = f"did you mean {guess}?" if guess else "`cnndsl explain` lists them"
        raise UsageError(f"there is no code {options.code}; {hint}")
    print(f"{code.code}: {code.title}\n\n{code.explanation.strip()}\n")
    print(f"Wrong:\n\n{_indented(code.bad)}\n\nRight:\n\n{_indented(code.good)}")
    return 0


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.strip("\n").splitlines())
