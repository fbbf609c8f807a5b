# SPDX-License-Identifier: Apache-2.0
"""soundfile, but that files which end with one of these words end or hang the process they are in.

Put before the true one on PYTHONPATH, it stands for decoders that crash.
"""

import importlib.machinery
import importlib.util
import os
import sys
import time

_HERE = os.path.dirname(os.path.abspath(__file__))
_others = [path for path in sys.path if os.path.abspath(path or ".") != _HERE]
_spec = importlib.machinery.PathFinder.find_spec("soundfile", _others)
_true = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_true)
globals().update({k: v for k, v in vars(_true).items() if not k.startswith("__")})


class SoundFile(_true.SoundFile):
    def __init__(self, file, *args, **kwargs):
        self._last_words = _last_words(file)
        if self._last_words == b"CRASH-AT-OPEN":
            os.abort()
        super().__init__(file, *args, **kwargs)

    def read(self, *args, **kwargs):
        if self._last_words == b"CRASH-AT-READ":
            os.abort()
        if self._last_words == b"HANG--AT-READ":
            time.sleep(3600)
        if self._last_words == b"EXIT--AT-READ":
            os._exit(7)
        return super().read(*args, **kwargs)


def _last_words(file) -> bytes:
    if not isinstance(file, int):
        return b""
    size = os.fstat(file).st_size
    return os.pread(file, 13, max(0, size - 13))
