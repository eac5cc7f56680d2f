// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Which tensor goes to which file and where, decided before a byte is written.
///
/// Tensors fill shards in their given order. The format leaves no gaps, so inside a shard those
// whose
/// bytes are a multiple of 64 come first and all start at one; the others follow, wider element
// types
/// first, so that each is aligned to its element.
record ShardLayout(List<Shard> shards) {
  /// Data starts at a multiple of this, so that it can be mapped and written in whole pages.
  static final int ALIGNMENT = 4096;

  /// A cache line, and the widest vector.
  private static final int LINE = 64;

  /// One file: its header's bytes, then the tensors, one after the other.
  record Shard(String file, byte[] header, List<Header.Planned> tensors, long bytes) {}

  /// @param maxShardBytes the most bytes of tensors in a file, unless one tensor alone is larger; 0
  ///     puts all into one
  static ShardLayout of(
      List<Header.Planned> tensors, long maxShardBytes, Map<String, String> metadata) {
    List<List<Header.Planned>> groups = new ArrayList<>();
    List<Header.Planned> group = new ArrayList<>();
    long bytes = 0;
    for (Header.Planned tensor : tensors) {
      if (maxShardBytes > 0 && !group.isEmpty() && bytes + tensor.bytes() > maxShardBytes) {
        groups.add(group);
        group = new ArrayList<>();
        bytes = 0;
      }
      group.add(tensor);
      bytes += tensor.bytes();
    }
    groups.add(group);
    List<Shard> shards = new ArrayList<>();
    for (int i = 0; i < groups.size(); i++) {
      List<Header.Planned> sorted = new ArrayList<>(groups.get(i));
      sorted.sort(
          Comparator.comparing(ShardLayout::ragged)
              .thenComparingInt(tensor -> ragged(tensor) ? -tensor.type().bits() : 0));
      byte[] header = Header.encode(sorted, metadata, ALIGNMENT);
      long data = sorted.stream().mapToLong(Header.Planned::bytes).sum();
      shards.add(
          new Shard(name(i, groups.size()), header, List.copyOf(sorted), header.length + data));
    }
    return new ShardLayout(List.copyOf(shards));
  }

  private static boolean ragged(Header.Planned tensor) {
    return tensor.bytes() % LINE != 0;
  }

  private static String name(int index, int count) {
    return count == 1
        ? Checkpoint.SINGLE
        : String.format("model-%05d-of-%05d.safetensors", index + 1, count);
  }

  long bytes() {
    return shards.stream().mapToLong(Shard::bytes).sum();
  }

  /// The index that tells readers which file holds which tensor; a single file needs none.
  Optional<byte[]> index() {
    if (shards.size() == 1) {
      return Optional.empty();
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (JsonGenerator json = Json.generator(out).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      json.writeObjectFieldStart("metadata");
      json.writeNumberField(
          "total_size",
          shards.stream()
              .flatMap(shard -> shard.tensors().stream())
              .mapToLong(Header.Planned::bytes)
              .sum());
      json.writeEndObject();
      json.writeObjectFieldStart("weight_map");
      for (Shard shard : shards) {
        for (Header.Planned tensor : shard.tensors()) {
          json.writeStringField(tensor.name(), shard.file());
        }
      }
      json.writeEndObject();
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // An array in memory does not fail.
    }
    return Optional.of(out.toByteArray());
  }
}
