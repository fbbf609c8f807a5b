# SPDX-License-Identifier: Apache-2.0
"""`lapped run` measured: beside the cost of its stages, the loops people write, and itself."""
