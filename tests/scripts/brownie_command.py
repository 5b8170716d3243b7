"""The command `brownie`, as a module that can be run."""

import sys

from brownie._cli.__main__ import main

sys.exit(main())
