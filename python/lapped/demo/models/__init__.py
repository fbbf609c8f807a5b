# SPDX-License-Identifier: Apache-2.0
"""The demo's pretrained models: networks in torch, weights read out of installed packages."""
