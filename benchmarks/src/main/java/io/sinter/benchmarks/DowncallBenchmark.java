// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.Sinter;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// What a call into the library costs beyond C's own: `sinter_abi_version`, which does nothing.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED"})
public class DowncallBenchmark {
  private static final int CALLS = 1000;
  private static final FunctionDescriptor TYPE = FunctionDescriptor.of(ValueLayout.JAVA_INT);
  private static final MemorySegment FUNCTION =
      SymbolLookup.libraryLookup(Sinter.library(), Arena.global())
          .findOrThrow("sinter_abi_version");
  private static final MethodHandle PLAIN = Linker.nativeLinker().downcallHandle(FUNCTION, TYPE);
  private static final MethodHandle CRITICAL =
      Linker.nativeLinker().downcallHandle(FUNCTION, TYPE, Linker.Option.critical(false));

  /// {@return an ordinary downcall's result}
  @Benchmark
  public int plain() {
    try {
      return (int) PLAIN.invokeExact();
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /// {@return the result of a downcall that does not leave the Java state}
  @Benchmark
  public int critical() {
    try {
      return (int) CRITICAL.invokeExact();
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /// {@return the public method's result}
  @Benchmark
  public int method() {
    return Sinter.abiVersion();
  }

  /// {@return the sum of many results, called from C}
  @Benchmark
  @OperationsPerInvocation(CALLS)
  public long c() {
    return TwinLibrary.call(FUNCTION, CALLS);
  }

  /// {@return the four, for a race; the sums keep the calls alive}
  List<Contender> contenders() {
    return List.of(
        new Contender("c", n -> use(TwinLibrary.call(FUNCTION, n))),
        new Contender(
            "plain",
            n -> {
              long sum = 0;
              for (int i = 0; i < n; i++) {
                sum += plain();
              }
              use(sum);
            }),
        new Contender(
            "critical",
            n -> {
              long sum = 0;
              for (int i = 0; i < n; i++) {
                sum += critical();
              }
              use(sum);
            }));
  }

  private static void use(long sum) {
    if (sum == 0) {
      throw new AssertionError("sinter_abi_version returned 0");
    }
  }
}
