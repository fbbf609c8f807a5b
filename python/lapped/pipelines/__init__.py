# SPDX-License-Identifier: Apache-2.0
"""The three ways models use spectra, each as one nn.Module: waveform in, waveform out.

``PhaseReuse``: a model on the spectrogram, the original phase. ``PhaseReconstruction``: a model on
the (mel) spectrogram, a new phase from Griffin-Lim or a vocoder. ``Waveform``: one on the samples.
"""

from lapped import _operators  # noqa: F401  (all that loading an exported pipeline takes)
from lapped.pipelines.phase_reconstruction import PhaseReconstruction
from lapped.pipelines.phase_reuse import PhaseReuse
from lapped.pipelines.waveform import Waveform

__all__ = ["PhaseReconstruction", "PhaseReuse", "Waveform"]
