module io.sinter {
  requires static org.jspecify;
}
