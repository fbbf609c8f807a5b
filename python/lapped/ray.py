# SPDX-License-Identifier: Apache-2.0
"""Callables for ``map_batches`` of Ray Data pipelines that are somebody else's.

They never raise for one bad row: it gets an empty result, and the column "error" says why. To
run over a whole corpus, ``lapped run --engine ray`` does more: it resumes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import lapped
from lapped.batch import audio
from lapped.batch.audio.opening import InMemory
from lapped.batch.codes import ItemError
from lapped.batch.config import Config
from lapped.batch.items import Item
from lapped.batch.work import work_of

__all__ = ["Features", "Pipeline", "Reconstruct"]

Rows = dict[str, Any]


class _Callable:
    """Rows in, the same rows with two columns more out."""

    _work = ""
    _nothing: tuple[int, ...] = (0,)  # shape of the result of a bad row

    def __init__(
        self, *, column: str, output: str, device: str = "cpu", threads: int = 1, **options: Any
    ) -> None:
        self._column, self._output = column, output
        config = Config(work=self._work, **options)
        lapped.set_num_threads(threads)
        self._run = work_of(config, device)
        self._settings = audio.settings_of(config, self._run.sample_rate)

    def __call__(self, batch: Rows) -> Rows:
        column = batch[self._column]
        rates = batch.get("sample_rate", [None] * len(column))
        done = [self._done(value, rate) for value, rate in zip(column, rates, strict=True)]
        results, errors = np.empty(len(done), object), np.empty(len(done), object)
        for i, found in enumerate(done):
            bad = isinstance(found, ItemError)
            results[i], errors[i] = (
                (np.zeros(self._nothing, np.float32), str(found)) if bad else (found, "")
            )
        return {**batch, self._output: results, "error": errors}

    def _done(self, value: Any, rate: Any) -> Any:
        try:
            loaded, rate = self._loaded(value, rate)
            (result,) = self._run([loaded], [rate])
            return result
        except ItemError as error:
            return error
        except Exception as error:  # one row's trouble, whatever it is, is nothing to the others
            return ItemError("decode_error", f"{type(error).__name__}: {error}")

    def _loaded(self, value: Any, rate: Any) -> tuple[np.ndarray, int]:
        if isinstance(value, np.ndarray) and value.dtype != object:
            return self._of_samples(value, rate)
        found = audio.decode(_item(value), self._settings)
        return found.samples, found.sample_rate

    def _of_samples(self, samples: np.ndarray, rate: Any) -> tuple[np.ndarray, int]:
        wanted = self._run.sample_rate
        if rate is None:
            raise ItemError("unsupported", 'samples need a column "sample_rate" beside them')
        return audio.resampled(samples, int(rate), wanted, self._settings.resample), wanted or rate


class Features(_Callable):
    """Mel spectrograms of a preset, for each row.

    Parameters
    ----------
    preset : str
        See `lapped.presets`.
    column : str
        Holds paths or URLs, bytes of audio files, ``{"bytes": ...}`` as Hugging Face has it, or
        samples beside a column "sample_rate".
    output : str
        Column of the result; the column "error" is "" where all is well.
    **options
        Of `lapped.batch.Config`: ``channel="first"``, ``dtype="float16"`` and so on.

    Examples
    --------
    >>> features = Features("whisper-80")
    >>> rows = features({"path": ["missing.wav"]})
    >>> rows["error"][0]
    'not_found: there is no such file'
    """

    _work = "features"
    _nothing = (0, 0)

    def __init__(
        self, preset: str, *, column: str = "path", output: str = "features", **options: Any
    ) -> None:
        super().__init__(column=column, output=output, preset=preset, **options)


class Reconstruct(_Callable):
    """Audio of mel or magnitude spectrograms, for each row.

    Parameters are those of `Features`; the column holds arrays of two axes, or paths of .npy
    files. Options are those of ``lapped run reconstruct``.
    """

    _work = "reconstruct"

    def __init__(
        self, preset: str, *, column: str = "features", output: str = "audio", **options: Any
    ) -> None:
        super().__init__(column=column, output=output, preset=preset, **options)

    def _loaded(self, value: Any, rate: Any) -> tuple[np.ndarray, int]:
        rate = self._run.sample_rate or 0
        if isinstance(value, np.ndarray) and value.dtype != object:
            return value, rate
        return audio.load_array(_item(value)), rate


class Pipeline(_Callable):
    """Audio out of audio through a model, for each row.

    Parameters are those of `Features` and of ``lapped run pipeline``: ``setting``, ``model``,
    ``preset`` or ``sample_rate``.
    """

    _work = "pipeline"

    def __init__(
        self, model: str, *, column: str = "path", output: str = "audio", **options: Any
    ) -> None:
        super().__init__(column=column, output=output, model=model, **options)


def _item(value: Any) -> Item:
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes | bytearray | memoryview):
        return InMemory(uri="memory", name="memory", content=bytes(value))
    if not value:
        raise ItemError("empty", "the row holds no audio")
    return Item(uri=str(value), name=str(value))
