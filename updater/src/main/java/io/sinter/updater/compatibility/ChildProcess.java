// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/// A program that is run to its end, or to the end of its time; nothing that it started is left
/// behind.
final class ChildProcess {
  /// What is read of stdout at most.
  static final int MAX_OUTPUT = 1 << 20;

  /// What is kept of stderr: its end.
  private static final int TAIL = 4096;

  /// What marks the processes that an evaluator starts, and these in their turn.
  private static final String MARK = "SINTER_EVALUATION";

  private static final long LOOK_MILLIS = 100;

  /// How long a pipe that somebody holds open is waited for when all is over.
  private static final long PIPE_SECONDS = 5;

  /// Rounds of looking for processes that were started while others were ended.
  private static final int ROUNDS = 20;

  /// What it came to.
  ///
  /// @param timedOut whether its time was over before it was
  /// @param tooMuch whether it printed more than is read
  /// @param tail the end of stderr
  record Outcome(int exitCode, boolean timedOut, boolean tooMuch, byte[] output, String tail) {}

  private ChildProcess() {}

  /// Runs a program without input.
  ///
  /// @param watch called several times a second; what it throws ends the program
  /// @throws IOException where it cannot be started
  static Outcome run(
      List<String> command, Map<String, String> environment, Duration limit, Runnable watch)
      throws IOException {
    String mark = UUID.randomUUID().toString();
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectInput(Path.of("/dev/null").toFile());
    builder.environment().putAll(environment);
    builder.environment().put(MARK, mark);
    Process process = builder.start();
    Output output = new Output(process.getInputStream(), process);
    Tail tail = new Tail(process.getErrorStream());
    boolean timedOut;
    try {
      output.thread.start();
      tail.thread.start();
      timedOut = !ended(process, limit, watch);
    } finally {
      end(process, mark);
    }
    output.finish();
    tail.finish();
    return new Outcome(
        timedOut ? -1 : process.exitValue(), timedOut, output.tooMuch, output.bytes(), tail.text());
  }

  /// Whether it came to its end in its time.
  private static boolean ended(Process process, Duration limit, Runnable watch) {
    long end = System.nanoTime() + limit.toNanos();
    try {
      while (true) {
        watch.run();
        long left = end - System.nanoTime();
        long step = Math.min(left, TimeUnit.MILLISECONDS.toNanos(LOOK_MILLIS));
        if (process.waitFor(Math.max(0, step), TimeUnit.NANOSECONDS)) {
          return true;
        }
        if (left <= 0) {
          return false;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new EvaluationException("the evaluation was interrupted. Run it again.", e);
    }
  }

  /// Ends a process and all that it started, also what has lost its parent.
  private static void end(Process process, String mark) {
    end(process.toHandle());
    for (int round = 0; round < ROUNDS; round++) {
      List<ProcessHandle> left =
          ProcessHandle.allProcesses().filter(handle -> isMarked(handle, mark)).toList();
      if (left.isEmpty()) {
        break;
      }
      left.forEach(ChildProcess::end);
    }
    boolean interrupted = false;
    while (true) {
      try {
        process.waitFor();
        break;
      } catch (InterruptedException e) {
        interrupted = true; // It is being killed: this takes no time.
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void end(ProcessHandle handle) {
    List<ProcessHandle> descendants = handle.descendants().toList();
    handle.destroyForcibly();
    descendants.forEach(ProcessHandle::destroyForcibly);
  }

  private static boolean isMarked(ProcessHandle handle, String mark) {
    if (!handle.isAlive()) {
      return false;
    }
    try {
      byte[] environment = Files.readAllBytes(Path.of("/proc/" + handle.pid() + "/environ"));
      return new String(environment, StandardCharsets.ISO_8859_1).contains(MARK + "=" + mark);
    } catch (IOException e) {
      return false; // It has ended, or is somebody else's, or there is no /proc.
    }
  }

  /// Reads what comes through a pipe until that is closed.
  private abstract static class Pipe {
    private final InputStream in;
    final Thread thread =
        Thread.ofPlatform().daemon().name("sinter-evaluator").unstarted(this::run);

    Pipe(InputStream in) {
      this.in = in;
    }

    /// Takes a piece; false where no more is wanted.
    abstract boolean take(byte[] piece, int length);

    private void run() {
      byte[] piece = new byte[1 << 13];
      try (in) {
        for (int n = in.read(piece); n >= 0 && take(piece, n); n = in.read(piece)) {}
      } catch (IOException e) {
        // The process has been ended: what came until then is what there is.
      }
    }

    final void finish() {
      try {
        thread.join(TimeUnit.SECONDS.toMillis(PIPE_SECONDS));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static final class Output extends Pipe {
    private final Process process;
    private byte[] bytes = new byte[1 << 10];
    private int size;
    private volatile boolean tooMuch;

    Output(InputStream in, Process process) {
      super(in);
      this.process = process;
    }

    @Override
    synchronized boolean take(byte[] piece, int length) {
      if (size + length > MAX_OUTPUT) {
        tooMuch = true;
        process.destroyForcibly(); // The rest is ended when that is seen.
        return false;
      }
      if (size + length > bytes.length) {
        bytes = Arrays.copyOf(bytes, 2 * (size + length));
      }
      System.arraycopy(piece, 0, bytes, size, length);
      size += length;
      return true;
    }

    synchronized byte[] bytes() {
      return Arrays.copyOf(bytes, size);
    }
  }

  private static final class Tail extends Pipe {
    private final byte[] ring = new byte[TAIL];
    private long size;

    Tail(InputStream in) {
      super(in);
    }

    @Override
    synchronized boolean take(byte[] piece, int length) {
      for (int i = 0; i < length; i++) {
        ring[(int) (size++ % TAIL)] = piece[i];
      }
      return true;
    }

    synchronized String text() {
      int length = (int) Math.min(size, TAIL);
      byte[] last = new byte[length];
      for (int i = 0; i < length; i++) {
        last[i] = ring[(int) ((size - length + i) % TAIL)];
      }
      return new String(last, StandardCharsets.UTF_8).strip();
    }
  }
}
