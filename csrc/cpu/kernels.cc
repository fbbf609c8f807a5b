// SPDX-License-Identifier: Apache-2.0
// The table of one instruction set.
#include "cpu/entry.h"
#include "cpu/fft.h"

#define LAPPED_QUOTE_(x) #x
#define LAPPED_QUOTE(x) LAPPED_QUOTE_(x)

namespace lapped::cpu::LAPPED_ISA {
namespace {

template <class T>
constexpr Kernels<T> kKernels = {kLanes<T>,          kRadices,         stft<T>,
                                 magnitude<T>,       power<T>,         istft<T>,
                                 stft_adjoint<T>,    istft_adjoint<T>, power_gradient<T>,
                                 mel_gradient<T>,    mel<T>,           project<T>,
                                 mel_inverse<T>,     griffin_lim<T>,   spectral_convergence<T>,
                                 spectral_values<T>, spectral_loss<T>, spectral_loss_gradient<T>,
                                 decompress<T>,      probes<T>};

}  // namespace

extern const InstructionSet instruction_set;
const InstructionSet instruction_set = {LAPPED_QUOTE(LAPPED_ISA), kKernels<float>,
                                        kKernels<double>};

}  // namespace lapped::cpu::LAPPED_ISA
