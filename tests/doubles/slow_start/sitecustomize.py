# SPDX-License-Identifier: Apache-2.0
"""Every Python begins late, as on a machine with much to do."""

import time

time.sleep(1)
