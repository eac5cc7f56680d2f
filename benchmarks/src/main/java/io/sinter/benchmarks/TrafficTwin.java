// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.Device;
import io.sinter.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The denominator: the reads and writes of an operation, moved by nothing but loads, XOR and
/// stores, as fast as this machine does it.
///
/// On the CPU it works on the operation's own tensors, with as many threads, and overwrites the
/// output; where there is none it only reads. Where an operation reads its inputs more than once,
// the
/// twin goes over all of them as often, one pass after the other: read side by side, the second
/// reading would come from the caches. On a CUDA device it has memory of its own, a stream for each
/// reading. There are several ways to move the bytes (`twin.h`), and the first runs choose the
/// fastest.
final class TrafficTwin implements AutoCloseable {
  private static final int ROUNDS = 5;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment streams;
  private final MemorySegment reading;
  private final int readings;
  private final MemorySegment device;
  private final int threads;
  private final int variant;

  /// {@return why there can be no twin on a device, or null}
  static @Nullable String absentOn(Device on) {
    if (on.isCpu()) {
      return null;
    }
    if (on.info().emulated()) {
      return on + " is emulated: its speed says nothing";
    }
    return TwinLibrary.deviceBuilt() ? null : "the traffic twin was built without nvcc";
  }

  TrafficTwin(Device on, List<Tensor> inputs, int passes, @Nullable Tensor out, int threads) {
    this.threads = threads;
    readings = on.isCpu() ? passes - 1 : 0;
    int[] widths =
        Collections.nCopies(on.isCpu() ? 1 : passes, inputs).stream()
            .flatMap(List::stream)
            .mapToInt(t -> t.dtype().bytes())
            .toArray();
    MemorySegment[] reads =
        on.isCpu()
            ? inputs.stream().map(Tensor::segment).toArray(MemorySegment[]::new)
            : new MemorySegment[0];
    MemorySegment write = on.isCpu() && out != null ? out.segment() : MemorySegment.NULL;
    long elements = inputs.getFirst().elements();
    int width = out == null ? widths[0] : out.dtype().bytes();
    streams = TwinLibrary.streams(arena, widths, reads, width, write, elements);
    reading = TwinLibrary.streams(arena, widths, reads, widths[0], MemorySegment.NULL, elements);
    device = on.isCpu() ? MemorySegment.NULL : TwinLibrary.deviceCreate(on.ordinal(), streams);
    variant = fastest();
  }

  /// Moves the bytes a number of times and waits until they are moved.
  void run(int repeats) {
    run(variant, repeats);
  }

  /// {@return how the bytes are moved}
  String how() {
    if (onDevice()) {
      return variant == 0 ? "device copy" : "kernel, " + (1 << (variant - 1)) + " vectors";
    }
    return TwinLibrary.cpuTier()
        + ((variant & 1) != 0 ? ", non-temporal" : ", cached")
        + ((variant & 2) != 0 ? ", prefetch" : "");
  }

  @Override
  public void close() {
    if (onDevice()) {
      TwinLibrary.deviceDestroy(device);
    }
    arena.close();
  }

  private boolean onDevice() {
    return device.address() != 0;
  }

  private void run(int way, int repeats) {
    if (onDevice()) {
      TwinLibrary.deviceRun(device, way, repeats);
    } else {
      for (int i = 0; i < repeats; i++) {
        for (int pass = 0; pass < readings; pass++) {
          TwinLibrary.cpuRun(reading, threads, way);
        }
        TwinLibrary.cpuRun(streams, threads, way);
      }
    }
  }

  private int fastest() {
    int variants = onDevice() ? TwinLibrary.DEVICE_VARIANTS : TwinLibrary.CPU_VARIANTS;
    List<Contender> ways = new ArrayList<>();
    for (int v = 0; v < variants; v++) {
      int way = v;
      ways.add(new Contender(Integer.toString(v), repeats -> run(way, repeats)));
    }
    return Integer.parseInt(Race.run(ways, ROUNDS, 4_000_000).fastest());
  }
}
