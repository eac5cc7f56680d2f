// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import io.sinter.updater.alignment.Axis.Factor;
import io.sinter.updater.alignment.Axis.Segment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The spec of a network whose layers stand one after the other, whatever their names: MLPs, VGG,
/// plain convolutional networks, with batch norm or without.
///
/// Layers come in the natural order of their names (`features.10` after `features.9`), and parts
// with
/// convolutions before parts without (`features` before `classifier`). Each has the
/// group of its output, named after it, but for the last; a norm belongs to the layer before it. A
/// linear layer that takes more inputs than the layer before has channels takes channel x pixel.
final class Sequential {
  private static final Pattern NUMBER = Pattern.compile("\\d+");
  private static final List<String> OF_CHANNELS =
      List.of("weight", "bias", "running_mean", "running_var");

  private final SequencedMap<String, Group> groups = new LinkedHashMap<>();
  private final SequencedMap<String, List<Axis>> tensors = new LinkedHashMap<>();
  private String last = "";
  private int channels;

  private Sequential() {}

  /// @throws SpecException where the layers do not follow one another, naming the first that does
  ///     not
  static PermutationSpec spec(SequencedMap<String, long[]> shapes) {
    return new Sequential().of(shapes);
  }

  private PermutationSpec of(SequencedMap<String, long[]> shapes) {
    SequencedMap<String, List<String>> modules = new LinkedHashMap<>();
    shapes.keySet().stream()
        .sorted(
            Comparator.comparing((String name) -> !convolves(shapes, top(name)))
                .thenComparing(Sequential::natural))
        .forEach(name -> modules.computeIfAbsent(module(name), _ -> new ArrayList<>()).add(name));
    List<String> layers =
        modules.keySet().stream()
            .filter(m -> shapes.getOrDefault(m + ".weight", new long[0]).length >= 2)
            .toList();
    if (layers.isEmpty()) {
      throw new SpecException("no tensor is the weight of a layer: all have fewer than two axes");
    }
    modules.forEach(
        (module, names) -> {
          if (layers.contains(module)) {
            layer(module, shapes.get(module + ".weight"), module.equals(layers.getLast()));
          }
          for (String name : names) {
            if (!tensors.containsKey(name)) {
              tensors.put(name, channels(name, shapes.get(name)));
            }
          }
        });
    SequencedMap<String, List<Axis>> inOrder = new LinkedHashMap<>();
    shapes.keySet().forEach(name -> inOrder.put(name, tensors.get(name)));
    return new PermutationSpec("layers one after the other", groups, inOrder);
  }

  private void layer(String module, long[] shape, boolean isLast) {
    int out = Math.toIntExact(shape[0]);
    int in = Math.toIntExact(shape[1]);
    boolean depthwise = shape.length > 2 && in == 1 && channels > 1;
    if (depthwise && out != channels) {
      throw refused(module, shape, "a grouped convolution");
    }
    if (!depthwise && channels > 0 && in % channels != 0) {
      throw refused(
          module,
          shape,
          (shape.length > 2 && channels % in == 0 ? "a grouped convolution" : "not what follows")
              + " on the "
              + channels
              + " outputs of '"
              + last
              + "'");
    }
    List<Axis> axes = new ArrayList<>();
    Axis input =
        depthwise || last.isEmpty()
            ? fixed(in)
            : in == channels
                ? of(List.of(new Factor(channels, last, Role.UNITS)))
                : of(List.of(new Factor(channels, last, Role.UNITS), Factor.fixed(in / channels)));
    if (!depthwise) {
      channels = isLast ? 0 : out;
      last = isLast ? "" : module;
      if (!isLast) {
        groups.put(module, new Group.Units(module, out));
      }
    }
    axes.add(last.isEmpty() ? fixed(out) : of(List.of(new Factor(out, last, Role.UNITS))));
    axes.add(input);
    for (int a = 2; a < shape.length; a++) {
      axes.add(fixed(Math.toIntExact(shape[a])));
    }
    tensors.put(module + ".weight", axes);
  }

  private static SpecException refused(String module, long[] shape, String what) {
    return new SpecException(
        "layer '"
            + module
            + "' "
            + java.util.Arrays.toString(shape)
            + " is "
            + what
            + ". Write a spec for this network.");
  }

  /// The axes of a bias or of a norm's tensor.
  private List<Axis> channels(String name, long[] shape) {
    boolean fits =
        shape.length == 0
            || shape.length == 1
                && OF_CHANNELS.contains(name.substring(name.lastIndexOf('.') + 1))
                && (last.isEmpty() || shape[0] == channels);
    if (!fits) {
      throw new SpecException(
          "tensor '"
              + name
              + "' "
              + java.util.Arrays.toString(shape)
              + " is neither a layer's weight nor of the "
              + channels
              + " channels of '"
              + last
              + "'. Write a spec for this network.");
    }
    if (shape.length == 0) {
      return List.of();
    }
    int size = Math.toIntExact(shape[0]);
    return List.of(last.isEmpty() ? fixed(size) : of(List.of(new Factor(size, last, Role.UNITS))));
  }

  private static Axis fixed(int size) {
    return of(List.of(Factor.fixed(size)));
  }

  private static Axis of(List<Factor> factors) {
    return new Axis(List.of(new Segment(factors)));
  }

  private static String top(String name) {
    return name.substring(0, name.indexOf('.') + 1);
  }

  /// Whether part of a network, as `features.`, has convolutions.
  private static boolean convolves(SequencedMap<String, long[]> shapes, String top) {
    return shapes.entrySet().stream()
        .anyMatch(e -> e.getValue().length > 2 && e.getKey().startsWith(top));
  }

  private static String module(String name) {
    int dot = name.lastIndexOf('.');
    return dot < 0 ? "" : name.substring(0, dot);
  }

  /// Numbers padded, so that they sort by value; a module's weight before its other tensors.
  private static String natural(String name) {
    Matcher numbers = NUMBER.matcher(name);
    String padded =
        numbers.replaceAll(
            number -> "0".repeat(Math.max(0, 9 - number.group().length())) + number.group());
    return padded.endsWith(".weight") ? padded.substring(0, padded.length() - 6) : padded;
  }
}
