// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import io.sinter.updater.internal.Quoted;
import java.lang.reflect.InvocationTargetException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Evaluators that are named, not written: a class in a jar.
public final class Evaluators {
  private Evaluators() {}

  /// An evaluator of a class that is not on this program's own path.
  ///
  /// The class is public, implements [Evaluator] and has a public constructor without parameters.
  /// It sees the JDK's modules that this program runs with, and what this module exports. Its
  /// classes stay loaded as long as the result is in use.
  ///
  /// @param path jars and folders of classes
  /// @param className such as `org.example.DevelopmentSet`
  /// @throws IllegalArgumentException where there is no such class, or it is no such evaluator
  /// @throws EvaluationException where its constructor fails
  public static Evaluator load(List<Path> path, String className) {
    URL[] urls = path.stream().map(Evaluators::url).toArray(URL[]::new);
    // Not closed: the evaluator loads more of its classes while it runs.
    ClassLoader loader = new URLClassLoader(urls, Evaluator.class.getClassLoader());
    try {
      Class<?> type = Class.forName(className, true, loader);
      if (!Evaluator.class.isAssignableFrom(type)) {
        throw new IllegalArgumentException(
            className + " does not implement " + Evaluator.class.getName() + "; let it");
      }
      return (Evaluator) type.getConstructor().newInstance();
    } catch (ClassNotFoundException e) {
      throw new IllegalArgumentException(
          "there is no class " + className + " in " + list(path) + "; name the jar that holds it",
          e);
    } catch (NoSuchMethodException | IllegalAccessException | InstantiationException e) {
      throw new IllegalArgumentException(
          className + " has no public constructor without parameters, or is not public; add one",
          e);
    } catch (InvocationTargetException e) {
      throw bad(className, "its constructor failed (" + e.getCause() + ")", "Correct it", e);
    } catch (LinkageError e) {
      throw bad(
          className,
          "cannot be loaded (" + e + ")",
          "Compile it for this version, and add the jars it needs",
          e);
    }
  }

  private static String list(List<Path> path) {
    List<String> names = new ArrayList<>();
    path.forEach(entry -> names.add(entry.toString()));
    return names.isEmpty() ? "this program (no path was given)" : String.join(", ", names);
  }

  private static URL url(Path entry) {
    if (!Files.exists(entry)) {
      throw new IllegalArgumentException(
          entry + " does not exist; name a jar or a folder of classes");
    }
    try {
      return entry.toUri().toURL();
    } catch (MalformedURLException e) {
      throw new IllegalArgumentException(entry + " cannot be a place of classes", e);
    }
  }

  static EvaluationException bad(String origin, String problem, String remedy) {
    return bad(origin, problem, remedy, null);
  }

  static EvaluationException bad(
      String origin, String problem, String remedy, @Nullable Throwable cause) {
    return new EvaluationException(
        Quoted.text(origin) + ": " + Quoted.text(problem) + ". " + remedy + ".", cause);
  }

  /// The number as a file or a message names it: `0.3`, `1`.
  static String alpha(double alpha) {
    String text = Double.toString(alpha);
    return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
  }
}
