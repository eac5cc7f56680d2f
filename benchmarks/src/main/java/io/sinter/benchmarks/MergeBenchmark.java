// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// What every benchmark of an elementwise operation shares: its inputs and output, its traffic twin
/// over the same memory, and a check of the whole output against a reference before anything is
/// timed.
///
/// A benchmark of another operation extends this, says how many inputs it reads, what one element
/// of the output should be (or how all of it is verified) and how the operation is called, and is
/// named in [Cases] and nowhere else: the guard, JMH and the unit test find it there.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED"})
public abstract class MergeBenchmark {
  /// `cpu` or `cuda:N`.
  @Param("cpu")
  public String device = "cpu";

  /// `BF16` or `F32`.
  @Param({"BF16", "F32"})
  public DType dtype = DType.BF16;

  /// Elements of each input and of the output.
  @Param({"1048576", "67108864", "268435456"})
  public long elements;

  /// The CPU's threads; 0 = all.
  @Param("0")
  public int threads;

  private final List<AutoCloseable> owned = new ArrayList<>();
  private final List<Tensor> inputs = new ArrayList<>();
  private @Nullable Pattern pattern;
  private @Nullable Stream stream;
  private @Nullable Tensor out;
  private @Nullable TrafficTwin twin;
  private @Nullable ExecutorService pool;

  /// {@return the number of input streams}
  protected abstract int reads();

  /// {@return the dtype of an input}
  ///
  /// @param k which, from 0
  protected DType inputDtype(int k) {
    return dtype;
  }

  /// {@return whether an input is made of squares, as a Fisher diagonal is}
  ///
  /// @param k which, from 0
  protected boolean squares(int k) {
    return false;
  }

  /// {@return the dtype of the output}
  protected DType outputDtype() {
    return dtype;
  }

  /// {@return how often every input must be read: 2 for methods that take a statistic first}
  protected int passes() {
    return 1;
  }

  /// {@return whether there is an output of the inputs' size; statistics have none}
  protected boolean writes() {
    return true;
  }

  /// {@return one element of the output, in float64}
  ///
  /// @param x the inputs' elements
  protected double reference(double[] x) {
    throw new UnsupportedOperationException(getClass() + " says what to verify in verify");
  }

  /// Checks all that the operation wrote, when it has run once.
  void verify(Pattern pattern) {
    pattern.check(stream(), out(), this::reference);
  }

  /// Prepares what [#operate] needs, once the tensors are filled.
  protected void prepare() {}

  /// Enqueues the operation once.
  protected abstract void operate();

  /// {@return others who do the same on the CPU, timed beside it}
  protected List<Contender> peers() {
    return List.of();
  }

  /// Allocates and fills the tensors, runs the operation and checks all of its output.
  @Setup
  public final void setUp() {
    Device on = Device.parse(device);
    stream = own(on.stream(StreamOptions.DEFAULT.withThreads(threads)));
    List<Pattern.Input> kinds = new ArrayList<>();
    for (int k = 0; k < reads(); k++) {
      kinds.add(new Pattern.Input(inputDtype(k), squares(k)));
    }
    pattern = new Pattern(kinds, elements);
    for (int k = 0; k < reads(); k++) {
      inputs.add(own(stream.allocate(inputDtype(k), elements)).named("input " + k));
      pattern.fill(stream, k, inputs.get(k));
    }
    out = own(stream.allocate(outputDtype(), elements)).named("output");
    pattern.poison(stream, out);
    pool =
        Executors.newFixedThreadPool(
            workers(), Thread.ofPlatform().daemon().name("peer-", 0).factory());
    prepare();
    operate();
    stream.synchronize();
    verify(pattern);
    if (reads() > 0 && TrafficTwin.absentOn(on) == null && (writes() || on.isCpu())) {
      twin = own(new TrafficTwin(on, inputs, passes(), writes() ? out : null, workers()));
    }
  }

  /// Frees everything.
  @TearDown
  public final void tearDown() {
    if (pool != null) {
      pool.shutdown();
    }
    for (AutoCloseable each : owned.reversed()) {
      try {
        each.close();
      } catch (Exception e) {
        throw new IllegalStateException("closing " + each, e);
      }
    }
    owned.clear();
    inputs.clear();
    twin = null;
  }

  /// The operation.
  @Benchmark
  public final void sinter() {
    operate();
    stream().synchronize();
  }

  /// The same bytes and no arithmetic. On an emulated device, or one for which the twin was not
  /// built, there is none and this does nothing.
  @Benchmark
  public final void twin() {
    if (twin != null) {
      twin.run(1);
    }
  }

  /// {@return the operation, its twin where there is one, and its peers}
  final List<Contender> contenders() {
    List<Contender> all = new ArrayList<>();
    all.add(
        new Contender(
            Contender.SINTER,
            repeats -> {
              for (int i = 0; i < repeats; i++) {
                operate();
              }
              stream().synchronize();
            }));
    if (twin != null) {
      all.add(new Contender(Contender.TWIN, twin::run));
    }
    if (stream().device().isCpu()) {
      all.addAll(peers());
    }
    return all;
  }

  /// Lets a peer write the output, and checks it as the operation's own, with more room for how the
  /// peer rounds.
  final void verifyPeer(Contender peer, double slack) {
    Pattern same = present(pattern);
    same.poison(stream(), out());
    peer.work().run(1);
    same.allow(slack);
    verify(same);
  }

  /// {@return how the twin moves its bytes}
  final String twinKind() {
    return twin == null ? "none" : twin.how();
  }

  /// {@return the bytes that must move: every input in each pass, the output once}
  final long traffic() {
    return (passes() * inputBytes() + (writes() ? outputDtype().bytes() : 0)) * elements;
  }

  /// {@return the bytes that must be there}
  final long memory() {
    return (inputBytes() + outputDtype().bytes()) * elements;
  }

  /// The bytes of all inputs' elements at one place.
  private long inputBytes() {
    long bytes = 0;
    for (int k = 0; k < reads(); k++) {
      bytes += inputDtype(k).bytes();
    }
    return bytes;
  }

  /// {@return libtorch at the same work, where it is on the class path}
  protected final List<Contender> libtorch(Consumer<TorchPeer> work) {
    try {
      TorchPeer torch = own(new TorchPeer(inputs(), out(), workers()));
      return List.of(Contender.of("libtorch", () -> work.accept(torch)));
    } catch (LinkageError e) {
      System.err.println("libtorch is left out: " + e);
      return List.of();
    }
  }

  protected final Stream stream() {
    return present(stream);
  }

  protected final Tensor input(int k) {
    return inputs.get(k);
  }

  protected final List<Tensor> inputs() {
    return List.copyOf(inputs);
  }

  protected final Tensor out() {
    return present(out);
  }

  /// {@return threads for peers' work}
  protected final ExecutorService pool() {
    return present(pool);
  }

  /// {@return the operation's threads, which are its twin's and its peers' too}
  protected final int workers() {
    return threads > 0 ? threads : Device.cpu().info().processors();
  }

  /// Closes something at the end.
  protected final <T extends AutoCloseable> T own(T each) {
    owned.add(each);
    return each;
  }

  private static <T> T present(@Nullable T each) {
    if (each == null) {
      throw new IllegalStateException("setUp was not called");
    }
    return each;
  }
}
