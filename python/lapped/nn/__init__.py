# SPDX-License-Identifier: Apache-2.0
"""torch modules over lapped's kernels."""

from lapped.nn.losses import MelLoss, MultiResolutionSTFTLoss, STFTLoss

__all__ = ["MelLoss", "MultiResolutionSTFTLoss", "STFTLoss"]
