// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.internal;

import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.regex.Pattern;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.composer.Composer;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.parser.ParserImpl;
import org.snakeyaml.engine.v2.scanner.StreamReader;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/// YAML read strictly, in bounded memory: every key once and known, every value of its kind, and
/// messages that say on which line something is.
public abstract class YamlReader {
  /// Far deeper than any file of ours, and far from the end of the stack.
  private static final int MAX_DEPTH = 50;

  private static final Pattern NUMBER =
      Pattern.compile("[-+]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][-+]?\\d+)?");
  private static final Pattern NOT_FINITE = Pattern.compile("(?i)[-+]?\\.?(nan|inf|infinity)");

  /// What kind of file it is, and how large one may be.
  ///
  /// @param name as messages say it: "a recipe"
  /// @param maxChars characters at most
  /// @param shorten what to do where there are more
  /// @param maxValues values at most, with aliases written out: as many as fit in its characters
  /// @param contents what a file says at least, as a sentence
  public record Kind(String name, int maxChars, String shorten, long maxValues, String contents) {}

  private final Kind kind;

  protected YamlReader(Kind kind) {
    this.kind = kind;
  }

  /// What to throw.
  ///
  /// @param line from 1; 0 where the problem is of no line
  /// @param problem ends with the remedy
  protected abstract RuntimeException error(int line, String problem);

  private RuntimeException error(Node node, String problem) {
    return error(line(node), problem);
  }

  /// A mapping's values by key, each key once.
  protected record Fields(Node node, SequencedMap<String, Node> byKey) {
    /// Public, so that readers in other packages may make one.
    public Fields {}

    public Optional<Node> get(String key) {
      return Optional.ofNullable(byKey.get(key));
    }
  }

  /// The root of what a file says.
  ///
  /// @param origin what to call the file
  protected final Node compose(String origin, String yaml) {
    if (yaml.length() > kind.maxChars()) {
      throw error(
          0,
          "has "
              + yaml.length()
              + " characters, more than the "
              + kind.maxChars()
              + " that "
              + kind.name()
              + " may have. "
              + kind.shorten());
    }
    LoadSettings settings =
        LoadSettings.builder().setLabel(origin).setSchema(new CoreSchema()).build();
    try {
      Node root =
          new Composer(
                  settings,
                  new ShallowParser(
                      new ParserImpl(settings, new StreamReader(settings, yaml)), MAX_DEPTH))
              .getSingleNode()
              .orElseThrow(() -> error(0, "is empty. " + kind.contents()));
      if (values(root, new IdentityHashMap<>()) > kind.maxValues()) {
        throw error(
            root,
            "its aliases stand for more than "
                + kind.maxValues()
                + " values, or for themselves. Write the values out.");
      }
      return root;
    } catch (MarkedYamlEngineException e) {
      int line = e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(1);
      throw error(line, "is not YAML (" + e.getProblem() + "). Correct this line.");
    } catch (YamlEngineException e) {
      throw notYaml(String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      throw notYaml("an escape in it is cut off"); // The library's scanner runs on.
    }
  }

  private RuntimeException notYaml(String problem) {
    return error(0, "is not YAML (" + problem + "). Correct the file.");
  }

  /// How many values a node stands for with its aliases written out: a few lines of aliases of
  /// aliases are billions. Counts no further than just above the limit.
  private long values(Node node, Map<Node, Long> counted) {
    Long known = counted.get(node);
    if (known != null) {
      return known;
    }
    long most = kind.maxValues() + 1;
    counted.put(node, most); // For those inside that refer to this one.
    long count = 1;
    switch (node) {
      case SequenceNode list -> {
        for (Node value : list.getValue()) {
          count = Math.min(most, count + values(value, counted));
        }
      }
      case MappingNode map -> {
        for (NodeTuple tuple : map.getValue()) {
          count =
              Math.min(
                  most,
                  count
                      + values(tuple.getKeyNode(), counted)
                      + values(tuple.getValueNode(), counted));
        }
      }
      default -> {}
    }
    counted.put(node, count);
    return count;
  }

  /// The values of a mapping that may have the known keys only.
  protected final Fields mapping(Node node, String what, Collection<String> known) {
    SequencedMap<String, Node> entries = entries(node, what);
    for (NodeTuple tuple : ((MappingNode) node).getValue()) {
      String key = ((ScalarNode) tuple.getKeyNode()).getValue();
      if (!known.contains(key)) {
        throw error(
            tuple.getKeyNode(),
            "unknown key '" + key + "' in " + what + ". " + Names.suggest(key, known));
      }
    }
    return new Fields(node, entries);
  }

  /// The values of a mapping, whatever its keys.
  protected final SequencedMap<String, Node> entries(Node node, String what) {
    if (!(node instanceof MappingNode map)) {
      throw error(node, what + " is " + describe(node) + ". Write 'key: value' lines.");
    }
    SequencedMap<String, Node> entries = new LinkedHashMap<>();
    for (NodeTuple tuple : map.getValue()) {
      if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
        throw error(tuple.getKeyNode(), "a key of " + what + " is not a name. Correct it.");
      }
      if (isNull(tuple.getValueNode())) {
        throw error(key, "'" + key.getValue() + "' has no value. Give it one, or remove it.");
      }
      Node previous = entries.put(key.getValue(), tuple.getValueNode());
      if (previous != null) {
        throw error(
            key,
            "'"
                + key.getValue()
                + "' appears twice in "
                + what
                + " (before on line "
                + line(previous)
                + "). Keep one.");
      }
    }
    return entries;
  }

  protected final List<Node> sequence(Node node, String what) {
    if (!(node instanceof SequenceNode list)) {
      throw error(node, what + " is " + describe(node) + ". Write a list.");
    }
    if (list.getValue().isEmpty()) {
      throw error(node, what + " is an empty list. Add an entry, or remove it.");
    }
    return list.getValue();
  }

  protected final String string(Node node, String what) {
    if (!(node instanceof ScalarNode scalar)) {
      throw error(node, what + " is " + describe(node) + ". Write a single value.");
    }
    return scalar.getValue();
  }

  protected final double number(Node node, String what) {
    if (node instanceof ScalarNode scalar && scalar.isPlain()) {
      String text = scalar.getValue();
      boolean matches = isNumber(text);
      if (NOT_FINITE.matcher(text).matches()
          || matches && !Double.isFinite(Double.parseDouble(text))) {
        throw error(node, what + " is " + text + ", and must be finite. Correct it.");
      }
      if (matches) {
        return Double.parseDouble(text);
      }
    }
    throw error(node, what + " is " + describe(node) + ". Write a number.");
  }

  /// Whether a value is written as a number.
  protected static boolean isNumber(String text) {
    return NUMBER.matcher(text).matches();
  }

  private static boolean isNull(Node node) {
    return node instanceof ScalarNode && node.getTag() == Tag.NULL;
  }

  /// A value as messages say it.
  protected static String describe(Node node) {
    return switch (node) {
      case MappingNode _ -> "a mapping";
      case SequenceNode _ -> "a list";
      case ScalarNode scalar when scalar.getTag() == Tag.BOOL -> "the boolean " + scalar.getValue();
      case ScalarNode scalar when scalar.getTag() == Tag.NULL -> "empty";
      case ScalarNode scalar -> "'" + scalar.getValue() + "'";
      default -> "of an unknown kind";
    };
  }

  /// The line a node begins on, from 1.
  protected static int line(Node node) {
    return node.getStartMark().map(mark -> mark.getLine() + 1).orElse(1);
  }
}
