# SPDX-License-Identifier: Apache-2.0
"""Speed and accuracy of lapped beside other libraries, on this machine."""
