// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.sun.management.ThreadMXBean;
import io.sinter.updater.internal.Quoted;
import java.lang.management.ManagementFactory;
import java.util.Optional;
import java.util.function.Supplier;

/// What must hold whatever bytes a reader is given: it returns, or throws its own kind of exception
/// with a message that helps, and asks for no more memory than its input warrants.
public final class Reading {
  /// What a reader may allocate beside twice its input.
  private static final long ALLOWANCE = 64L << 20;

  private static final int MAX_MESSAGE = 4 * Quoted.MAX_CHARS;

  /// Counts every byte this thread ever allocates, garbage too: stricter than what is live at once.
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private Reading() {}

  /// Reads, and returns what was read; empty where it was refused as it should be.
  ///
  /// @param origin how messages must begin
  public static <T> Optional<T> of(
      String origin,
      int inputBytes,
      Class<? extends RuntimeException> refusal,
      Supplier<T> reader) {
    Attempt<T> attempt = attempt(origin, refusal, reader);
    long bound = 2L * inputBytes + ALLOWANCE;
    if (attempt.allocated > bound) {
      attempt = attempt(origin, refusal, reader); // The first one may have loaded classes.
    }
    long allocated = attempt.allocated;
    require(allocated <= bound, () -> inputBytes + " bytes of input made it allocate " + allocated);
    return attempt.result;
  }

  private record Attempt<T>(Optional<T> result, long allocated) {}

  private static <T> Attempt<T> attempt(
      String origin, Class<? extends RuntimeException> refusal, Supplier<T> reader) {
    long before = THREADS.getCurrentThreadAllocatedBytes();
    Optional<T> result;
    try {
      result = Optional.of(reader.get());
    } catch (RuntimeException e) {
      if (e.getClass() != refusal) {
        throw e;
      }
      checkMessage(origin, e);
      result = Optional.empty();
    }
    return new Attempt<>(result, THREADS.getCurrentThreadAllocatedBytes() - before);
  }

  /// One line that names the file, says what is wrong, and ends with what to do.
  private static void checkMessage(String origin, RuntimeException e) {
    String message = e.getMessage();
    require(message != null && message.startsWith(origin + ":"), () -> "names no file: " + message);
    require(
        message.endsWith(".") || message.endsWith("?"), () -> "ends in no sentence: " + message);
    require(hasTwoSentences(message), () -> "has no remedy: " + message);
    require(message.codePoints().noneMatch(Reading::moves), () -> "is not plain: " + message);
    require(message.length() <= MAX_MESSAGE, () -> "goes on for " + message.length());
  }

  private static boolean hasTwoSentences(String message) {
    for (int i = message.length() - 3; i > 0; i--) {
      char end = message.charAt(i);
      if ((end == '.' || end == '?')
          && message.charAt(i + 1) == ' '
          && Character.isUpperCase(message.charAt(i + 2))) {
        return true;
      }
    }
    return false;
  }

  /// What ends a line, moves a cursor or turns the writing around.
  private static boolean moves(int c) {
    int type = Character.getType(c);
    return type == Character.CONTROL
        || type == Character.FORMAT
        || type == Character.LINE_SEPARATOR
        || type == Character.PARAGRAPH_SEPARATOR;
  }

  public static void require(boolean holds, Supplier<String> otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise.get());
    }
  }
}
