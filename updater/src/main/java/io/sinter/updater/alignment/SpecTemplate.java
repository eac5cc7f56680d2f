// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Matcher;
import org.jspecify.annotations.Nullable;

/// A spec before it has met a model: rules by name, whose sizes a model's shapes and config give.
///
/// @param origin what messages call it
/// @param architecture its name
/// @param modelTypes the `model_type`s of `config.json` that it is for
/// @param needs tensors that the model must have, each with the reason to give where it has not
/// @param heads the groups that are attention heads
/// @param tensors of which the first that fits a tensor's name is meant
record SpecTemplate(
    String origin,
    String architecture,
    List<String> modelTypes,
    Map<String, String> needs,
    List<HeadsRule> heads,
    List<TensorRule> tensors) {

  /// A number, or the key of the config that holds it.
  record Count(int number, @Nullable String key) {
    int in(String origin, Function<String, OptionalInt> config, String group) {
      if (key == null) {
        return number;
      }
      return config
          .apply(key)
          .orElseThrow(
              () ->
                  new SpecException(
                      origin
                          + ": group '"
                          + group
                          + "' takes a number from '"
                          + key
                          + "' of config.json, which has none. Add it there, or write the number"
                          + " into a spec of your own."));
    }
  }

  /// @param keyValueHeads `null`: as many as heads
  record HeadsRule(NamePattern name, Count heads, @Nullable Count keyValueHeads, boolean rotary) {}

  /// @param axes segments of factors of each axis
  record TensorRule(NamePattern name, List<List<List<FactorText>>> axes) {}

  /// A factor as it is written: a number, a group, or `_` for what is left.
  sealed interface FactorText {
    record Number(int size) implements FactorText {}

    record Rest() implements FactorText {}

    /// @param name with placeholders
    record OfGroup(String name, Role role) implements FactorText {}
  }

  /// Whether a model has a tensor for each `needs`, and a rule for each of its tensors.
  boolean covers(Set<String> names) {
    return names.stream().allMatch(name -> tensors.stream().anyMatch(r -> r.name().matches(name)));
  }

  /// The spec of a model.
  ///
  /// @param shapes of its tensors
  /// @param config numbers of its config by key
  /// @throws SpecException where the two do not fit, naming the tensor
  PermutationSpec on(SequencedMap<String, long[]> shapes, Function<String, OptionalInt> config) {
    needs.forEach(
        (name, reason) -> {
          if (!shapes.containsKey(name)) {
            throw new SpecException(
                origin
                    + ": the model has no tensor '"
                    + name
                    + "': "
                    + reason.strip().replaceAll("\\.+$", "")
                    + ". Use a spec for this network.");
          }
        });
    return new Fitting(shapes, config).spec();
  }

  /// A template on its way to a spec.
  private final class Fitting {
    private final SequencedMap<String, long[]> shapes;
    private final Function<String, OptionalInt> config;
    private final SequencedMap<String, Known> groups = new LinkedHashMap<>();
    private final List<Open> axes = new ArrayList<>();

    Fitting(SequencedMap<String, long[]> shapes, Function<String, OptionalInt> config) {
      this.shapes = shapes;
      this.config = config;
      shapes.forEach(this::add);
    }

    /// What is known of a group: `size` is 0 until a tensor tells.
    private static final class Known {
      private final String name;
      private final int keyValueHeads;
      private final int queries;
      private final boolean rotary;
      private int size;

      Known(String name, int keyValueHeads, int queries, boolean rotary) {
        this.name = name;
        this.keyValueHeads = keyValueHeads;
        this.queries = queries;
        this.rotary = rotary;
      }

      boolean heads() {
        return keyValueHeads > 0;
      }

      /// Elements of an axis for each of `size`.
      int times(Role role) {
        return heads() ? keyValueHeads * (role.ofQueries() ? queries : 1) : 1;
      }

      Group group() {
        return heads()
            ? new Group.Heads(name, keyValueHeads, queries, size, rotary)
            : new Group.Units(name, size);
      }
    }

    /// A factor whose names have no placeholders left.
    private record Named(FactorText text, @Nullable String group) {}

    /// An axis on its way; `rest` is what `_` stands for, 0 until it is known.
    private static final class Open {
      private final String tensor;
      private final int axis;
      private final int size;
      private final List<List<Named>> segments;
      private int rest;

      Open(String tensor, int axis, int size, List<List<Named>> segments) {
        this.tensor = tensor;
        this.axis = axis;
        this.size = size;
        this.segments = segments;
      }

      @Override
      public String toString() {
        return "axis " + axis + " of tensor '" + tensor + "'";
      }
    }

    private void add(String tensor, long[] shape) {
      for (TensorRule rule : tensors) {
        Matcher matcher = rule.name().matcher(tensor);
        if (!matcher.matches()) {
          continue;
        }
        if (rule.axes().size() != shape.length) {
          throw new SpecException(
              origin
                  + ": tensor '"
                  + tensor
                  + "' has the shape "
                  + Arrays.toString(shape)
                  + ", and its rule names "
                  + rule.axes().size()
                  + " axes. Correct the spec, or use one for this architecture.");
        }
        for (int a = 0; a < shape.length; a++) {
          // The input axis of a depthwise convolution has nothing to permute.
          boolean single = shape[a] == 1 && shape.length >= 3;
          List<List<FactorText>> texts =
              single ? List.of(List.of(new FactorText.Rest())) : rule.axes().get(a);
          List<List<Named>> segments =
              texts.stream()
                  .map(segment -> segment.stream().map(f -> named(f, rule, matcher)).toList())
                  .toList();
          axes.add(new Open(tensor, a, Math.toIntExact(shape[a]), segments));
        }
        return;
      }
      throw new SpecException(
          origin
              + ": no rule is for tensor '"
              + tensor
              + "'. Add one to a spec of your own, with '_' for each axis that nothing permutes.");
    }

    private Named named(FactorText text, TensorRule rule, Matcher matcher) {
      if (!(text instanceof FactorText.OfGroup of)) {
        return new Named(text, null);
      }
      String name = rule.name().fill(of.name(), matcher);
      groups.computeIfAbsent(name, this::known);
      return new Named(text, name);
    }

    private Known known(String name) {
      for (HeadsRule rule : heads) {
        if (rule.name().matches(name)) {
          int all = rule.heads().in(origin, config, name);
          Count few = rule.keyValueHeads();
          int keyValue = few == null ? all : few.in(origin, config, name);
          if (all < 1 || keyValue < 1 || all % keyValue != 0) {
            throw new SpecException(
                origin
                    + ": group '"
                    + name
                    + "' has "
                    + all
                    + " heads over "
                    + keyValue
                    + " key/value heads, which do not divide them. Correct config.json.");
          }
          return new Known(name, keyValue, all / keyValue, rule.rotary());
        }
      }
      return new Known(name, 0, 1, false);
    }

    PermutationSpec spec() {
      boolean progress = true;
      while (progress) {
        progress = false;
        for (Open axis : axes) {
          progress |= solve(axis);
        }
      }
      SequencedMap<String, List<Axis>> tensors = new LinkedHashMap<>();
      shapes.keySet().forEach(name -> tensors.put(name, new ArrayList<>()));
      for (Open axis : axes) {
        tensors.get(axis.tensor).add(closed(axis));
      }
      SequencedMap<String, Group> all = new LinkedHashMap<>();
      groups.forEach((name, known) -> all.put(name, known.group()));
      return new PermutationSpec(architecture, all, tensors);
    }

    /// What a factor counts: its own size, or a group's or what is left where that is not known
    // yet.
    private int size(Named factor, Open axis) {
      return switch (factor.text()) {
        case FactorText.Number(int size) -> size;
        case FactorText.Rest _ -> axis.rest;
        case FactorText.OfGroup of -> {
          Known known = groups.get(factor.group());
          yield known.size * known.times(of.role());
        }
      };
    }

    /// Finds the one number of an axis that is not known, if it is one.
    private boolean solve(Open axis) {
      long known = 0;
      long times = 0;
      Set<String> unknown = new TreeSet<>();
      for (List<Named> segment : axis.segments) {
        long product = 1;
        int open = 0;
        for (Named factor : segment) {
          int size = size(factor, axis);
          if (size > 0) {
            product *= size;
          } else {
            open++;
            unknown.add(factor.group() == null ? "" : factor.group());
            product *=
                factor.text() instanceof FactorText.OfGroup of
                    ? groups.get(factor.group()).times(of.role())
                    : 1;
          }
        }
        if (open > 1) {
          return false;
        }
        known += open == 0 ? product : 0;
        times += open == 0 ? 0 : product;
      }
      if (unknown.size() != 1 || axis.size <= known || (axis.size - known) % times != 0) {
        return false;
      }
      int found = Math.toIntExact((axis.size - known) / times);
      String name = unknown.iterator().next();
      if (name.isEmpty()) {
        axis.rest = found;
      } else {
        groups.get(name).size = found;
      }
      return true;
    }

    private Axis closed(Open axis) {
      List<Axis.Segment> segments = new ArrayList<>();
      for (List<Named> segment : axis.segments) {
        List<Axis.Factor> factors = new ArrayList<>();
        for (Named factor : segment) {
          Role role = factor.text() instanceof FactorText.OfGroup of ? of.role() : Role.UNITS;
          factors.add(new Axis.Factor(size(factor, axis), factor.group(), role));
        }
        segments.add(new Axis.Segment(factors));
      }
      Axis closed = new Axis(segments);
      if (closed.size() != axis.size) {
        throw mismatch(axis, closed);
      }
      return closed;
    }

    private SpecException mismatch(Open axis, Axis closed) {
      Map<String, Integer> sizes = new HashMap<>();
      groups.forEach((name, known) -> sizes.put(name, known.size));
      List<String> named =
          closed.segments().stream()
              .flatMap(segment -> segment.factors().stream())
              .filter(factor -> factor.group() != null)
              .map(factor -> "'" + factor.group() + "' has " + sizes.get(factor.group()))
              .distinct()
              .toList();
      long[] shape = shapes.get(axis.tensor);
      boolean grouped =
          shape.length == 4 && axis.axis == 1 && closed.size() % Math.max(1, axis.size) == 0;
      return new SpecException(
          origin
              + ": "
              + axis
              + " has "
              + axis.size
              + " elements, and its rule makes "
              + closed.size()
              + " ("
              + String.join(", ", named)
              + "). "
              + (grouped
                  ? "A grouped convolution ties channels together, which permutations of this spec"
                      + " do not: leave its channels out with '_'."
                  : "Correct the spec, or use one for this architecture."));
    }
  }
}
