// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import io.sinter.examples.bcwi.Repetition.Row;
import io.sinter.examples.bcwi.Results.PanelResult;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The report's tables, in Markdown, made of the results.
///
/// In a document a table stands between `<!-- table NAME -->` and `<!-- end -->`; NAME is a panel's
/// id, for the whole of the test set, or a panel's id and `instances`.
final class Tables {

  private static final Pattern PLACE =
      Pattern.compile(
          "(<!-- table ([a-z_]+)( instances| soups)? -->\n).*?(<!-- end -->)", Pattern.DOTALL);

  private Tables() {}

  /// The document with its tables made anew. Tables of panels that are not there stay as they are.
  static String refresh(String document, Results results) {
    Matcher place = PLACE.matcher(document);
    StringBuilder fresh = new StringBuilder();
    while (place.find()) {
      Optional<PanelResult> panel = results.panel(place.group(2));
      String replacement = place.group();
      if (panel.isPresent()) {
        String kind = Objects.requireNonNullElse(place.group(3), "").strip();
        replacement =
            place.group(1)
                + "\n"
                + switch (kind) {
                  case "instances" -> instances(panel.get());
                  case "soups" -> soups(panel.get());
                  default -> whole(panel.get());
                }
                + "\n"
                + place.group(4);
      }
      place.appendReplacement(fresh, Matcher.quoteReplacement(replacement));
    }
    place.appendTail(fresh);
    return fresh.toString();
  }

  /// A document of all tables.
  static String all(Results results) {
    StringBuilder text = new StringBuilder();
    for (PanelResult panel : results.panels()) {
      text.append("## ").append(panel.title()).append("\n\n").append(whole(panel));
      text.append('\n').append(instances(panel)).append('\n');
      if (panel.repetitions().stream().anyMatch(r -> !soups(r).isEmpty())) {
        text.append(soups(panel)).append('\n');
      }
    }
    return text.toString();
  }

  static boolean has(PanelResult panel, String method) {
    return panel.repetitions().stream().allMatch(r -> r.row(method).isPresent());
  }

  /// A measure of a method by repetition.
  static double[] values(PanelResult panel, String method, ToDoubleFunction<Measures> measure) {
    return values(panel.repetitions(), method, measure);
  }

  private static double[] values(
      List<Repetition> repetitions, String method, ToDoubleFunction<Measures> measure) {
    return repetitions.stream()
        .map(repetition -> repetition.row(method).orElseThrow())
        .map(Row::measures)
        .mapToDouble(measure)
        .toArray();
  }

  private static String whole(PanelResult panel) {
    StringBuilder table = new StringBuilder();
    table.append(
        "%s, %,d test examples each.%n%n"
            .formatted(repetitions(panel.repetitions().size()), panel.test()));
    head(table);
    for (var method : Methods.titles().entrySet()) {
      if (has(panel, method.getKey())) {
        row(table, panel.repetitions(), method.getKey(), method.getValue(), Methods.NEW);
      }
    }
    return table.toString();
  }

  private static String repetitions(int count) {
    return count == 1 ? "1 repetition" : count + " repetitions";
  }

  private static void head(StringBuilder table) {
    table.append("| method | accuracy | change, points | NFR | change of NFR | setting |\n");
    table.append("|---|---|---|---|---|---|\n");
  }

  private static void row(
      StringBuilder table,
      List<Repetition> repetitions,
      String method,
      String title,
      String reference) {
    double[] accuracy = values(repetitions, method, Measures::accuracy);
    double[] nfr = values(repetitions, method, Measures::nfr);
    String accuracyChange = "";
    String nfrChange = "";
    if (!method.equals(reference) && !method.equals(Methods.OLD)) {
      double[] before = values(repetitions, reference, Measures::nfr);
      accuracyChange =
          change(
              Statistics.paired(accuracy, values(repetitions, reference, Measures::accuracy)),
              100,
              "%+.2f",
              "");
      nfrChange =
          change(Statistics.paired(nfr, before), 100 / Statistics.of(before).mean(), "%+.0f", " %");
    }
    table.append(
        "| %s | %s | %s | %s | %s | %s |\n"
            .formatted(
                title,
                percent(Statistics.of(accuracy)),
                accuracyChange,
                percent(Statistics.of(nfr)),
                nfrChange,
                setting(repetitions, method)));
  }

  private static String percent(Statistics share) {
    String mean = format("%.2f", 100 * share.mean());
    return share.count() == 1 ? mean : mean + format(" ± %.2f", 100 * share.error());
  }

  private static String change(Statistics difference, double factor, String form, String unit) {
    double mean = factor * difference.mean();
    String text = format(form, mean) + unit;
    if (difference.count() == 1) {
      return text;
    }
    double margin = factor * difference.margin();
    return text + " [" + format(form, mean - margin) + ", " + format(form, mean + margin) + "]";
  }

  /// The settings that were chosen, as a range.
  private static String setting(List<Repetition> repetitions, String method) {
    double[] settings =
        repetitions.stream()
            .map(repetition -> repetition.row(method).orElseThrow().setting())
            .filter(Objects::nonNull)
            .mapToDouble(Double::doubleValue)
            .sorted()
            .toArray();
    if (settings.length == 0) {
      return "";
    }
    double least = settings[0];
    double most = settings[settings.length - 1];
    return least == most
        ? number(least)
        : number(least)
            + " to "
            + number(most)
            + ", median "
            + number((settings[(settings.length - 1) / 2] + settings[settings.length / 2]) / 2);
  }

  private static String number(double value) {
    if (value != 0 && Math.abs(value) < .01) {
      return String.format(Locale.ROOT, "%.0e", value).replace("e-0", "e-");
    }
    String text = format("%.3f", value).replaceAll("0+$", "").replaceAll("\\.$", "");
    return text.startsWith("0.") ? text.substring(1) : text;
  }

  private static String instances(PanelResult panel) {
    StringBuilder table = new StringBuilder();
    table.append(
        "| method | accuracy, old instances | NFR, old | accuracy, new instances | NFR, new |\n");
    table.append("|---|---|---|---|---|\n");
    for (var method : Methods.titles().entrySet()) {
      String key = method.getKey();
      if (has(panel, key)) {
        table.append(
            "| %s | %s | %s | %s | %s |\n"
                .formatted(
                    method.getValue(),
                    percent(Statistics.of(values(panel, key, Measures::oldAccuracy))),
                    percent(Statistics.of(values(panel, key, Measures::oldNfr))),
                    percent(Statistics.of(values(panel, key, Measures::newAccuracy))),
                    percent(Statistics.of(values(panel, key, Measures::newNfr)))));
      }
    }
    return table.toString();
  }

  private static final Pattern SOUP = Pattern.compile(Methods.SOUP + "_(\\d+)");

  private static Set<Integer> soups(Repetition repetition) {
    Set<Integer> sizes = new LinkedHashSet<>();
    for (Row row : repetition.rows()) {
      Matcher soup = SOUP.matcher(row.method());
      if (soup.matches()) {
        sizes.add(Integer.parseInt(soup.group(1)));
      }
    }
    return sizes;
  }

  private static String soups(PanelResult panel) {
    List<Repetition> cooked = new ArrayList<>();
    for (Repetition repetition : panel.repetitions()) {
      if (!soups(repetition).isEmpty()) {
        cooked.add(repetition);
      }
    }
    StringBuilder table = new StringBuilder();
    table.append(repetitions(cooked.size())).append(".\n\n");
    head(table);
    row(table, cooked, Methods.OLD, "old", Methods.NEW);
    row(table, cooked, Methods.NEW, "new", Methods.NEW);
    for (int k : soups(cooked.getFirst())) {
      row(table, cooked, Methods.soup(k), "soup of " + k, Methods.NEW);
      row(table, cooked, Methods.soupBcwi(k), "SoupBCWI " + k + ", α chosen", Methods.NEW);
      row(table, cooked, Methods.soupFixed(k), "SoupBCWI " + k + ", α = .3", Methods.NEW);
    }
    return table.toString();
  }

  private static String format(String form, double value) {
    String text = String.format(Locale.ROOT, form, value);
    // -0.00 is 0.00.
    return text.matches("-0(\\.0+)?") ? text.substring(1) : text.replace('-', '−');
  }
}
