// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.updater.Method;
import io.sinter.updater.Method.ParameterSpec;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `sinter methods`: the registry that recipes are checked against.
@Command(
    name = "methods",
    description = "List the merge methods, or describe one: parameters, formula, source.")
final class MethodsCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Mixin private HelpOption help;

  @Parameters(index = "0", arity = "0..1", paramLabel = "NAME", description = "A method's name.")
  private @Nullable String name;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Option(names = "--markdown", description = "Print the page that docs/methods.md is.")
  private boolean markdown;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    if (markdown) {
      if (name != null || json) {
        throw new ParameterException(
            spec.commandLine(), "--markdown prints all methods; give neither NAME nor --json");
      }
      out.print(MethodsPage.text());
      out.flush();
      return Main.DONE;
    }
    String wanted = name;
    if (wanted != null) {
      Method method =
          Method.find(wanted)
              .orElseThrow(
                  () ->
                      new ParameterException(
                          spec.commandLine(),
                          "there is no method '"
                              + wanted
                              + "'; there are "
                              + String.join(
                                  ", ", Method.all().stream().map(Method::name).toList())));
      if (json) {
        out.println(Json.of(describe(method)));
      } else {
        print(method, out);
      }
    } else if (json) {
      out.println(
          Json.of(Map.of("methods", Method.all().stream().map(MethodsCommand::describe).toList())));
    } else {
      for (Method method : Method.all()) {
        out.printf("%-17s %s%n", method.name(), method.summary());
      }
      out.println();
      out.println("'sinter methods NAME' tells more of one.");
    }
    return Main.DONE;
  }

  private static void print(Method method, PrintWriter out) {
    out.println(method.name() + ": " + method.summary());
    out.println(method.purpose());
    out.println();
    line("formula", method.formula(), out);
    line("models", method.models(), out);
    if (!fisher(method).isEmpty()) {
      line("fisher", fisher(method), out);
    }
    line("bytes", bytes(method), out);
    if (method.fallback() != null) {
      line("falls back", "to " + method.fallback(), out);
    }
    line("source", method.source(), out);
    if (!method.parameters().isEmpty()) {
      out.println();
    }
    for (ParameterSpec parameter : method.parameters()) {
      List<String> notes = new ArrayList<>();
      notes.add(parameter.perModel() ? "per model" : "of the merge");
      notes.add(type(parameter));
      notes.add(defaultValue(parameter));
      out.printf("  %-17s %s (%s)%n", parameter.name(), parameter.doc(), String.join(", ", notes));
    }
  }

  /// What a merge moves for each parameter of the model.
  static String bytes(Method method) {
    int models = Math.max(2, method.needsBase() ? method.minModels() - 1 : method.minModels());
    int most = method.needsBase() ? method.maxModels() - 1 : method.maxModels();
    int shown = Math.min(models, most);
    return String.format(
        Locale.ROOT,
        "each input is read %s; %d B per parameter for %d %s%s in bfloat16%s",
        method.reads() == 1 ? "once" : method.reads() == 2 ? "twice" : "three times",
        method.bytesPerParameter(shown, 2, 2),
        shown,
        shown == 1 ? "model" : "models",
        method.needsBase() ? " and the base" : "",
        method.fisher() == Method.Fisher.NONE ? "" : " and Fisher diagonals in float32");
  }

  /// Which models need a Fisher diagonal; empty where none does.
  static String fisher(Method method) {
    return switch (method.fisher()) {
      case NONE -> "";
      case BASE -> "of the base";
      case EACH -> "of every model";
    };
  }

  static String type(ParameterSpec parameter) {
    String range =
        parameter.type() == Method.ParameterType.BOOLEAN || parameter.range().isEmpty()
            ? ""
            : " " + parameter.range();
    return switch (parameter.type()) {
          case NUMBER -> "number";
          case INTEGER -> "whole number";
          case BOOLEAN -> "true or false";
        }
        + range;
  }

  static String defaultValue(ParameterSpec parameter) {
    return parameter.defaultValue() == null
        ? "required"
        : "default " + parameter.text(Objects.requireNonNull(parameter.defaultValue()));
  }

  private static Map<String, Object> describe(Method method) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("name", method.name());
    object.put("summary", method.summary());
    object.put("purpose", method.purpose());
    object.put("formula", method.formula());
    object.put("source", method.source());
    object.put("base", method.base().name().toLowerCase(Locale.ROOT));
    object.put("fisher", method.fisher().name().toLowerCase(Locale.ROOT));
    object.put("minModels", method.minModels());
    if (method.maxModels() != Integer.MAX_VALUE) {
      object.put("maxModels", method.maxModels());
    }
    object.put("reads", method.reads());
    if (method.fallback() != null) {
      object.put("fallback", method.fallback());
    }
    List<Map<String, Object>> parameters = new ArrayList<>();
    for (ParameterSpec parameter : method.parameters()) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("name", parameter.name());
      entry.put("type", parameter.type().name().toLowerCase(Locale.ROOT));
      entry.put("perModel", parameter.perModel());
      if (parameter.defaultValue() != null) {
        entry.put(
            "default",
            parameter.type() == Method.ParameterType.BOOLEAN
                ? parameter.defaultValue() != 0
                : parameter.defaultValue());
      }
      entry.put("doc", parameter.doc());
      parameters.add(entry);
    }
    object.put("parameters", parameters);
    return object;
  }

  private static void line(String key, String value, PrintWriter out) {
    out.printf("  %-11s %s%n", key, value);
  }
}
