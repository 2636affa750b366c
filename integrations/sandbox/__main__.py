"""Start the sandbox: python -m integrations.sandbox --port 0 --store PATH."""

import sys

from .cli import main

sys.exit(main())
