# SPDX-License-Identifier: Apache-2.0
"""What is done with each input."""

from lapped.batch.work.kinds import Work, identity_of, seconds_by_header, work_of

__all__ = ["Work", "identity_of", "seconds_by_header", "work_of"]
