module io.sinter.cli {
  requires com.fasterxml.jackson.databind;
  requires info.picocli;
  requires io.sinter;
  requires io.sinter.examples;
  requires io.sinter.updater;
  requires static org.jspecify;
}
