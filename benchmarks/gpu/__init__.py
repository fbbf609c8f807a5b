# SPDX-License-Identifier: Apache-2.0
"""The same operations on a CUDA device, beside the other libraries that run there."""
