# SPDX-License-Identifier: Apache-2.0
"""`python -m lapped`: the same as the command `lapped`."""

from lapped.cli import main

main()
