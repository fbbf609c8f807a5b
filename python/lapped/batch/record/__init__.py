# SPDX-License-Identifier: Apache-2.0
"""What a run keeps on the disk, and how it gets there."""
