// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.nio.file.Path;
import java.util.List;

/// What a merge came to.
///
/// @param tensors tensors written
/// @param bytesRead bytes of input that went through kernels, those read twice counted twice
/// @param bytesWritten bytes of all safetensors files
/// @param device where it was computed
/// @param seconds from the start of the run to the output in its place
/// @param nonFinite elements written that are NaN or infinite
/// @param saturated results that a float8 output clamped to its largest finite value
/// @param fallbacks tensors, or rows of them, for which the method did what [Method#fallback]
///     says, its formula being undefined
/// @param files the safetensors files
/// @param bytesResumed bytes of the safetensors files that an interrupted run had finished and this
///     one verified and took over
/// @param statistics of every tensor, in the order of [MergePlan#tensors]; empty where they were
///     not asked for
/// @param warnings what the user should know
public record MergeReport(
    int tensors,
    long bytesRead,
    long bytesWritten,
    String device,
    double seconds,
    long nonFinite,
    long saturated,
    long fallbacks,
    List<OutputFile> files,
    long bytesResumed,
    List<TensorStatistics> statistics,
    List<String> warnings) {

  /// One safetensors file and the hash of its content.
  ///
  /// @param algorithm `XXH3-128` or `SHA-256`
  /// @param hash in hexadecimal, as `xxhsum -H2` and `sha256sum` print it
  public record OutputFile(Path path, String algorithm, String hash, long bytes) {}

  /// The same with its files in another folder.
  MergeReport in(Path folder) {
    return new MergeReport(
        tensors,
        bytesRead,
        bytesWritten,
        device,
        seconds,
        nonFinite,
        saturated,
        fallbacks,
        files.stream()
            .map(
                file ->
                    new OutputFile(
                        folder.resolve(file.path().getFileName()),
                        file.algorithm(),
                        file.hash(),
                        file.bytes()))
            .toList(),
        bytesResumed,
        statistics,
        warnings);
  }

  public MergeReport {
    files = List.copyOf(files);
    statistics = List.copyOf(statistics);
    warnings = List.copyOf(warnings);
  }
}
