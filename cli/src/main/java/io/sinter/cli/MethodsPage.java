// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.updater.Method;
import io.sinter.updater.Method.ParameterSpec;

/// The text of docs/methods.md.
final class MethodsPage {
  private static final String START =
      """
      # Merge methods

      What a recipe may name as `merge_method`, written by `sinter methods --markdown` from the
      registry that checks recipes; a test keeps this page true.

      Notation: `x_i` is model i's tensor, `base` the base model's, `d_i = x_i - base` the task vector,
      `n` the number of elements, `N` that of models. Elements are computed in float32 with fused
      multiply-add (float64 tensors in float64), statistics of a tensor in float64 in one fixed order,
      and results rounded once. The same recipe gives the same bytes on every device, instruction set
      and number of threads. The CUDA kernels have not yet been run on a GPU: they run in the tests on
      an emulated device.

      Every method takes `models`, `slices` or `modules`. A parameter is a number, a gradient (a list,
      spread over the layers) or a list of `{filter, value}`, the first whose filter is part of the
      tensor's name counting; a slice's source counts before its slice, that before the module, that
      before the recipe. "per model" parameters may differ between models.

      `mode: mergekit` (the default) gives the weights that mergekit gives; `mode: paper` follows the
      papers where the two differ:

      | | `mergekit` | `paper` |
      |---|---|---|
      | task vectors | rounded to the dtype that is computed in | as computed |
      | `ties` | thresholds tensor by tensor, weighted election and sum | one threshold for all tensors of a model (selected on the CPU), election without weights, mean of what is kept |
      | `rescale` of `dare_*`, `della*` | by the l1 norms before and after dropping | by 1 / probability of being kept |
      | `sce` | equal weights where the energies add up to less than 1e-6 | where they are zero |

      The random words of `dare_*` and `della*` depend on `random_seed` (default 0), the place of the
      model in the recipe, the name of the tensor in the output and the index of the element, and on
      nothing else. Of differences of equal size the first are kept. A density that asks for less than
      one element keeps one, and the merge says so. A NaN or an infinity is an error, naming file and
      tensor, for methods that take a statistic of the tensor, and is counted for the others.

      A method of your own, element by element, can be written in Java: see `ElementwiseMethod`.

      | `merge_method` | what it computes | models |
      |---|---|---|
      """;

  private MethodsPage() {}

  static String text() {
    StringBuilder page = new StringBuilder(START);
    for (Method method : Method.all()) {
      page.append(
          "| [`%s`](#%s) | %s | %s |\n"
              .formatted(method.name(), method.name(), cell(method.summary()), method.models()));
    }
    for (Method method : Method.all()) {
      page.append("\n## ").append(method.name()).append("\n\n");
      page.append(method.purpose()).append("\n\n");
      page.append("- Formula: ").append(method.formula().replace("*", "\\*")).append(".\n");
      page.append("- Models: ").append(method.models()).append(".\n");
      String fisher = MethodsCommand.fisher(method);
      if (!fisher.isEmpty()) {
        page.append("- Fisher diagonals: ").append(fisher).append(".\n");
      }
      String bytes = MethodsCommand.bytes(method);
      page.append("- Bytes: ").append(bytes).append(".\n");
      if (method.fallback() != null) {
        page.append("- Falls back to ").append(method.fallback()).append("; counted.\n");
      }
      page.append("- Source: ").append(method.source()).append(".\n");
      if (!method.parameters().isEmpty()) {
        page.append("\n| parameter | of | default | value | |\n|---|---|---|---|---|\n");
      }
      for (ParameterSpec parameter : method.parameters()) {
        page.append(
            "| `%s` | %s | %s | %s | %s |\n"
                .formatted(
                    parameter.name(),
                    parameter.perModel() ? "each model" : "the merge",
                    MethodsCommand.defaultValue(parameter).replace("default ", ""),
                    MethodsCommand.type(parameter),
                    cell(parameter.doc())));
      }
    }
    return page.toString();
  }

  private static String cell(String text) {
    return text.replace("|", "\\|");
  }
}
