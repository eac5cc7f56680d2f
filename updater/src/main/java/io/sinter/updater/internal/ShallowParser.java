// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.internal;

import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.exceptions.ParserException;
import org.snakeyaml.engine.v2.parser.Parser;

/// YAML that nests no deeper than is said: what is made of the events calls itself for each level,
/// and a few kilobytes of `[` would use up the stack.
final class ShallowParser implements Parser {
  private final Parser parser;
  private final int maxDepth;
  private int depth;

  ShallowParser(Parser parser, int maxDepth) {
    this.parser = parser;
    this.maxDepth = maxDepth;
  }

  @Override
  public boolean checkEvent(Event.ID choice) {
    return parser.checkEvent(choice);
  }

  @Override
  public Event peekEvent() {
    return parser.peekEvent();
  }

  @Override
  public boolean hasNext() {
    return parser.hasNext();
  }

  @Override
  public Event next() {
    Event event = parser.next();
    switch (event.getEventId()) {
      case SequenceStart, MappingStart -> depth++;
      case SequenceEnd, MappingEnd -> depth--;
      default -> {}
    }
    if (depth > maxDepth) {
      throw new ParserException(
          "it nests deeper than " + maxDepth + " levels", event.getStartMark());
    }
    return event;
  }
}
