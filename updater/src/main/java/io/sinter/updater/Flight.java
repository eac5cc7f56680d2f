// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.updater.MergePlan.Pass;
import java.nio.file.Path;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// The events of a merge for Java Flight Recorder: `docs/provenance.md` says how to see them. Where
/// nothing records, an event costs some nanoseconds, and there are a few for each pass.
final class Flight {
  private Flight() {}

  @Name("sinter.Read")
  @Label("Read")
  @Category("Sinter")
  @Description("One input's bytes of a pass; the time is that of reading, or of mapping alone")
  @StackTrace(false)
  static final class Read extends Event {
    @Label("File")
    String file = "";

    @Label("First Tensor")
    String tensor = "";

    @Label("Bytes")
    @DataAmount
    long bytes;

    @Label("Mapped")
    boolean mapped;

    void done(TensorEntry first, long count, boolean inPlace) {
      end();
      if (shouldCommit()) {
        file = first.file().toString();
        tensor = first.name();
        bytes = count;
        mapped = inPlace;
        commit();
      }
    }
  }

  @Name("sinter.Kernel")
  @Label("Kernel")
  @Category("Sinter")
  @Description("The kernel of a pass; on a CUDA device the time is that of enqueueing it")
  @StackTrace(false)
  static final class Kernel extends Event {
    @Label("Method")
    String method = "";

    @Label("Pass")
    String pass = "";

    @Label("First Tensor")
    String tensor = "";

    @Label("Pieces")
    int pieces;

    @Label("Bytes Read")
    @DataAmount
    long bytesRead;

    @Label("Bytes Written")
    @DataAmount
    long bytesWritten;

    void done(MergePlan plan, Pass of) {
      end();
      if (shouldCommit()) {
        method = plan.method();
        tensor = plan.tensors().get(of.pieces().getFirst().tensor()).name();
        pieces = of.pieces().size();
        bytesRead = Passes.bytesRead(plan.tensors(), of);
        if (of instanceof MergePlan.ApplyPass apply) {
          pass = "apply";
          bytesWritten = apply.bytes();
        } else {
          pass = "reduce";
        }
        commit();
      }
    }
  }

  @Name("sinter.Write")
  @Label("Write")
  @Category("Sinter")
  @Description("Bytes hashed and written to a file of the output")
  @StackTrace(false)
  static final class Write extends Event {
    @Label("File")
    String file = "";

    @Label("Offset")
    long offset;

    @Label("Bytes")
    @DataAmount
    long bytes;

    void done(Path to, long position, long count) {
      end();
      if (shouldCommit()) {
        file = to.toString();
        offset = position;
        bytes = count;
        commit();
      }
    }
  }
}
