// SPDX-License-Identifier: Apache-2.0

/// The sinter command.
module io.sinter.cli {
  requires VectorGraphics2D;
  requires com.fasterxml.jackson.databind;
  requires info.picocli;
  requires io.sinter;
  requires io.sinter.examples;
  requires io.sinter.updater;
  requires java.desktop;
  requires static org.jspecify;
  requires org.knowm.xchart;

  exports io.sinter.cli;

  opens io.sinter.cli to
      info.picocli;
}
