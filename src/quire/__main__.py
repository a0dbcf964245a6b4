"""``python -m quire``: the same as the command ``quire``."""

import sys

from quire.cli.main import main

sys.exit(main())
