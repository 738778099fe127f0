"""`python -m avfuse.cli`."""

import sys

from avfuse.cli import main

sys.exit(main())
