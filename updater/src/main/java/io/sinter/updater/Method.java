// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.updater.methods.Catalogue;
import io.sinter.updater.methods.MergeMethod;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// A merge method: what a recipe may say about it, and what a user should know of it. Every method
/// may be used with `models`, `slices` and `modules`.
///
/// @param name as in `merge_method`
/// @param summary what it computes, in one line
/// @param purpose what it is for
/// @param formula what happens to a tensor, in one line; `d_i` is `x_i - base`
/// @param source the paper, or where else it comes from
/// @param minModels the fewest models it takes, the base included where it requires one
/// @param maxModels the most, counted likewise
/// @param base what `base_model` is to it
/// @param fisher which models need a Fisher diagonal
/// @param reads how often each input is read
/// @param fallback what it does where its formula is undefined, or `null` where that cannot be
/// @param parameters what can be set
public record Method(
    String name,
    String summary,
    String purpose,
    String formula,
    String source,
    int minModels,
    int maxModels,
    Base base,
    Fisher fisher,
    int reads,
    @Nullable String fallback,
    List<ParameterSpec> parameters) {

  /// What the base model is to a method.
  public enum Base {
    /// One of the models like the others; it decides names and shapes.
    MODEL,
    /// What task vectors are taken from, where one is named.
    OPTIONAL,
    /// What the method starts from; it must be named.
    REQUIRED,
    /// The version that the other models replace; it must be named. The first of the others decides
    /// names and shapes, and the files beside the weights are its.
    OLD
  }

  /// Which models need a Fisher diagonal ([FisherDiagonal]).
  public enum Fisher {
    NONE,
    /// The base.
    BASE,
    /// Every model.
    EACH
  }

  /// What kind of value a parameter takes.
  public enum ParameterType {
    /// A finite number, or a gradient of them over the layers.
    NUMBER,
    /// A whole number.
    INTEGER,
    /// `true` or `false`.
    BOOLEAN
  }

  /// One parameter of a method.
  ///
  /// @param perModel whether every model has its own
  /// @param defaultValue `null` where it must be given; 0 or 1 for a boolean
  /// @param min the least it may be
  /// @param max the most it may be
  /// @param doc what it does, in one line
  public record ParameterSpec(
      String name,
      ParameterType type,
      boolean perModel,
      @Nullable Double defaultValue,
      double min,
      double max,
      String doc) {

    /// A number of the whole merge that must be given.
    public static ParameterSpec number(String name, String doc) {
      return new ParameterSpec(
          name,
          ParameterType.NUMBER,
          false,
          null,
          Double.NEGATIVE_INFINITY,
          Double.POSITIVE_INFINITY,
          doc);
    }

    /// A whole number of the whole merge that must be given.
    public static ParameterSpec integer(String name, String doc) {
      return new ParameterSpec(
          name, ParameterType.INTEGER, false, null, Integer.MIN_VALUE, Integer.MAX_VALUE, doc);
    }

    /// `true` or `false`.
    public static ParameterSpec flag(String name, boolean value, String doc) {
      return new ParameterSpec(name, ParameterType.BOOLEAN, false, value ? 1.0 : 0.0, 0, 1, doc);
    }

    /// This, for each model apart.
    public ParameterSpec eachModel() {
      return new ParameterSpec(name, type, true, defaultValue, min, max, doc);
    }

    /// This, with a value where none is given.
    public ParameterSpec orElse(double value) {
      return new ParameterSpec(name, type, perModel, value, min, max, doc);
    }

    /// This, with bounds.
    public ParameterSpec between(double least, double most) {
      return new ParameterSpec(name, type, perModel, defaultValue, least, most, doc);
    }

    /// This, with a lower bound.
    public ParameterSpec atLeast(double least) {
      return between(least, max);
    }

    /// This, greater than 0.
    public ParameterSpec positive() {
      return between(Double.MIN_VALUE, max);
    }

    /// What is wrong with a value, if anything is.
    Optional<String> refuse(double value) {
      if (type == ParameterType.INTEGER && value != Math.rint(value)) {
        return Optional.of("must be a whole number");
      }
      if (value >= min && value <= max) {
        return Optional.empty();
      }
      return Optional.of("must be " + range());
    }

    /// The range in words, empty where there is none.
    public String range() {
      boolean above = min > (type == ParameterType.INTEGER ? Integer.MIN_VALUE : -Double.MAX_VALUE);
      boolean below = max < (type == ParameterType.INTEGER ? Integer.MAX_VALUE : Double.MAX_VALUE);
      String least = min == Double.MIN_VALUE ? "greater than 0" : "at least " + text(min);
      if (above && below) {
        return least + " and at most " + text(max);
      }
      return above ? least : below ? "at most " + text(max) : "";
    }

    /// A value as a recipe writes it.
    public String text(double value) {
      if (type == ParameterType.BOOLEAN) {
        return value != 0 ? "true" : "false";
      }
      return value == Math.rint(value) && Math.abs(value) < 1e6
          ? Long.toString((long) value)
          : Double.toString(value).replace(".0E", "e").replace("E", "e");
    }
  }

  public Method {
    parameters = List.copyOf(parameters);
  }

  /// Whether `base_model` is required.
  public boolean needsBase() {
    return base == Base.REQUIRED || base == Base.OLD;
  }

  /// The parameter of that name, if the method has it.
  public Optional<ParameterSpec> parameter(String name) {
    return parameters.stream().filter(parameter -> parameter.name.equals(name)).findFirst();
  }

  /// How many models it takes, in words.
  public String models() {
    int least = needsBase() ? minModels - 1 : minModels;
    int most = maxModels == Integer.MAX_VALUE || !needsBase() ? maxModels : maxModels - 1;
    String count =
        least == most
            ? Integer.toString(least)
            : most == Integer.MAX_VALUE ? least + " or more" : least + " to " + most;
    return switch (base) {
      case MODEL -> count;
      case OPTIONAL -> count + ", and a base or none";
      case REQUIRED -> count + ", and the base";
      case OLD -> count + ", and the old one as the base";
    };
  }

  /// Bytes read and written for each element of the output.
  ///
  /// @param models how many models there are, without the base
  /// @param input bytes of an input's element
  /// @param output bytes of an output's element
  public long bytesPerParameter(int models, int input, int output) {
    int read = needsBase() ? models + 1 : models;
    int diagonals =
        switch (fisher) {
          case NONE -> 0;
          case BASE -> 1;
          case EACH -> read;
        };
    return (long) reads * read * input + (long) diagonals * Float.BYTES + output;
  }

  /// Every method that recipes may name.
  public static List<Method> all() {
    return Catalogue.METHODS.stream().map(MergeMethod::description).toList();
  }

  /// The method of that name, if there is one.
  public static Optional<Method> find(String name) {
    return all().stream().filter(method -> method.name.equals(name)).findFirst();
  }

  /// Starts the description of a method of any number of models, each with nothing to set.
  public static Builder named(String name) {
    return new Builder(name);
  }

  /// A description in the making.
  public static final class Builder {
    private final String name;
    private String summary = "";
    private String purpose = "";
    private String formula = "";
    private String source = "";
    private int minModels = 1;
    private int maxModels = Integer.MAX_VALUE;
    private Base base = Base.MODEL;
    private Fisher fisher = Fisher.NONE;
    private int reads = 1;
    private @Nullable String fallback;
    private final List<ParameterSpec> parameters = new ArrayList<>();

    private Builder(String name) {
      this.name = name;
    }

    public Builder summary(String text) {
      summary = text;
      return this;
    }

    public Builder purpose(String text) {
      purpose = text;
      return this;
    }

    public Builder formula(String text) {
      formula = text;
      return this;
    }

    public Builder source(String text) {
      source = text;
      return this;
    }

    /// Exactly this many models, without the base where that is required.
    public Builder models(int count) {
      minModels = count;
      maxModels = count;
      return this;
    }

    /// This many models or more, without the base where that is required.
    public Builder atLeastModels(int count) {
      minModels = count;
      maxModels = Integer.MAX_VALUE;
      return this;
    }

    public Builder base(Base value) {
      base = value;
      return this;
    }

    public Builder fisher(Fisher value) {
      fisher = value;
      return this;
    }

    public Builder reads(int times) {
      reads = times;
      return this;
    }

    public Builder fallback(String text) {
      fallback = text;
      return this;
    }

    public Builder with(ParameterSpec... specs) {
      parameters.addAll(List.of(specs));
      return this;
    }

    public Method build() {
      int extra = base == Base.REQUIRED || base == Base.OLD ? 1 : 0;
      int most = maxModels == Integer.MAX_VALUE ? maxModels : maxModels + extra;
      List<String> names = parameters.stream().map(ParameterSpec::name).toList();
      IntStream.range(0, names.size())
          .filter(i -> names.indexOf(names.get(i)) < i)
          .findFirst()
          .ifPresent(
              i -> {
                throw new IllegalArgumentException(
                    "method " + name + " has two parameters '" + names.get(i) + "'");
              });
      return new Method(
          name,
          summary,
          purpose,
          formula,
          source,
          minModels + extra,
          most,
          base,
          fisher,
          reads,
          fallback,
          parameters);
    }
  }
}
