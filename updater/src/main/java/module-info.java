module io.sinter.updater {
  requires transitive io.sinter;
  requires jdk.jfr;
  requires static org.jspecify;
  requires jdk.unsupported; // ExtendedOpenOption.DIRECT
  requires com.dynatrace.hash4j;
  requires com.fasterxml.jackson.databind;
  requires org.snakeyaml.engine;

  exports io.sinter.updater;
  exports io.sinter.updater.alignment;
  exports io.sinter.updater.compatibility;
}
