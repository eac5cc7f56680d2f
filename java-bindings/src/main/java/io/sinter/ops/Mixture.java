// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.internal.Call;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/// How the differences that a sparsifying method keeps are mixed: `out = fma(lambda, mixture,
/// base)`, with `mixture = sum_i w_i d_i` over the models that keep the element.
///
/// A difference that is not finite is never dropped unseen: it makes the output NaN.
///
/// @param consensus only models whose `w_i d_i` has the sign of `sum_i w_i d_i` take part (0 counts
///     as +); a difference of zero never does
/// @param plainElection with `consensus`: the sign is that of `sum_i d_i`, without weights
/// @param normalize divides by the sum of the weights of the models that take part, by 1 where that
///     is 0
/// @param rescale what kept differences are multiplied by
public record Mixture(
    boolean consensus, boolean plainElection, boolean normalize, Rescale rescale) {
  /// The weighted sum of what is kept, and nothing else.
  public static final Mixture DEFAULT = new Mixture(false, false, false, Rescale.NONE);

  /// Refuses null.
  public Mixture {
    Objects.requireNonNull(rescale, "rescale");
  }

  /// {@return this with or without sign consensus}
  ///
  /// @param consensus whether only models of the elected sign take part
  public Mixture withConsensus(boolean consensus) {
    return new Mixture(consensus, plainElection, normalize, rescale);
  }

  /// {@return this with the sign elected without or with weights}
  ///
  /// @param plainElection whether the election is without weights
  public Mixture withPlainElection(boolean plainElection) {
    return new Mixture(consensus, plainElection, normalize, rescale);
  }

  /// {@return this with or without division by the weights}
  ///
  /// @param normalize whether to divide by the weights of the models that take part
  public Mixture withNormalize(boolean normalize) {
    return new Mixture(consensus, plainElection, normalize, rescale);
  }

  /// {@return this with another rescaling}
  ///
  /// @param rescale what kept differences are multiplied by
  public Mixture withRescale(Rescale rescale) {
    return new Mixture(consensus, plainElection, normalize, rescale);
  }

  MemorySegment marshal(Call call) {
    MemorySegment struct = call.struct(Abi.sinter_mixture.LAYOUT);
    Abi.sinter_mixture.struct_size(struct, 0, struct.byteSize());
    Abi.sinter_mixture.consensus(struct, 0, consensus ? 1 : 0);
    Abi.sinter_mixture.plain_election(struct, 0, plainElection ? 1 : 0);
    Abi.sinter_mixture.normalize(struct, 0, normalize ? 1 : 0);
    Abi.sinter_mixture.rescale(struct, 0, rescale.code());
    return struct;
  }
}
