module io.sinter.examples {
  requires io.sinter;
  requires io.sinter.updater;
  requires static org.jspecify;
}
