// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/// What happens, for programs: one JSON object a line, whose `event` says which kind it is.
final class JsonLines {

  private static final long PROGRESS_NANOS = 1_000_000_000L;

  private final PrintWriter out;
  private final LongSupplier nanoTime;
  private final long start;
  private long last;

  JsonLines(PrintWriter out, LongSupplier nanoTime) {
    this.out = out;
    this.nanoTime = nanoTime;
    start = nanoTime.getAsLong();
    last = start;
  }

  void event(String event, Map<String, ?> fields) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("event", event);
    line.putAll(fields);
    out.println(Json.line(line));
    out.flush();
  }

  void message(String event, String message) {
    event(event, Map.of("message", message));
  }

  /// Tells how far it is, once a second and at the end.
  void progress(long done, long total) {
    long now = nanoTime.getAsLong();
    if (now - last < PROGRESS_NANOS && done < total) {
      return;
    }
    last = now;
    double seconds = (now - start) / 1e9;
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("bytesDone", done);
    fields.put("bytesTotal", total);
    fields.put("seconds", seconds);
    if (done > 0 && seconds > 0) {
      fields.put("bytesPerSecond", done / seconds);
      fields.put("secondsLeft", (total - done) * seconds / done);
    }
    event("progress", fields);
  }
}
