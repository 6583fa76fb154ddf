"""`python -m cnndsl` is `cnndsl`."""

import sys

from cnndsl.cli.main import main

sys.exit(main())
