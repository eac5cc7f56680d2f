open module io.sinter.tests {
  requires com.dynatrace.hash4j;
  requires com.fasterxml.jackson.databind;
  requires com.tngtech.archunit;
  requires io.sinter;
  requires io.sinter.cli;
  requires io.sinter.examples;
  requires io.sinter.jcuda;
  requires io.sinter.updater;
  requires java.compiler;
  requires java.desktop;
  requires jcuda;
  requires jcublas;
  requires jdk.jfr;
  requires net.jqwik.api;
  requires static org.jspecify;
  requires org.junit.jupiter.api;
  requires org.junit.jupiter.params;

  provides org.junit.jupiter.api.extension.Extension with
      io.sinter.tests.core.LeakCheck;
}
