"""For a dry run: programs that stand for what only a GPU's machine has. They run what they are given."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SANITIZER = """#!{python}
import subprocess, sys
start = sys.argv.index(sys.executable)
code = subprocess.run(sys.argv[start:]).returncode
print("========= ERROR SUMMARY: %d errors" % bool(code))
sys.exit(9 if code else 0)
"""
NCU = """#!{python}
import json, subprocess, sys
start = sys.argv.index(sys.executable)
done = subprocess.run(sys.argv[start:])
launches = json.load(open(json.loads(sys.argv[-1])[1]["arguments"]["path"]))
print("==PROF== Connected")
names = ("ID", "Kernel Name", "gpu__time_duration.sum", "dram__bytes_read.sum", "dram__bytes_write.sum",
         "sm__warps_active.avg.pct_of_peak_sustained_active")
print(",".join('"%s"' % name for name in names))
print('"","","ns","byte","byte","%"')
number = 0
for kernel, problem, config in launches:
    for part in range(2 if config.get("splits", 1) > 1 else 1):
        print('"%d","%s_kernel","12,345","1000","2000","51.5"' % (number, kernel))
        number += 1
sys.exit(done.returncode)
"""


def install(folder: Path) -> None:
    """Put them on the path, before any real ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("compute-sanitizer", SANITIZER), ("ncu", NCU)):
        path = folder / name
        path.write_text(text.replace("{python}", sys.executable), encoding="utf-8")
        path.chmod(0o755)
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
