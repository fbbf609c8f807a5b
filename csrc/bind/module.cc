// SPDX-License-Identifier: Apache-2.0
// The extension modules lapped._cpu and lapped._cuda: the same calls, each on its own device.
#include "bind/context.h"

PYBIND11_MODULE(LAPPED_MODULE, m) {
  lapped::bind::ContextClass context = lapped::bind::bind_context(m);
  lapped::bind::bind_stft(m, context);
  lapped::bind::bind_mel(m, context);
  lapped::bind::bind_griffin_lim(context);
  lapped::bind::bind_spectral_loss(m, context);
}
