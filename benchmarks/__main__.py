# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks`: what `lapped bench` does, from a source tree."""

from .command import command

command(prog_name="benchmarks")
