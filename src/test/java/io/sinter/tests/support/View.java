// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.support;

import io.sinter.Tensor;
import java.util.Arrays;
import java.util.SplittableRandom;

/// How a tensor lies in a flat run of elements: a box cut out of a larger one, its axes in any
/// order. Where each element lies is worked out here, by counting, and by the library, by strides.
public record View(long[] outer, long[] from, long[] to, int[] axes) {
  /// Kinds of layout.
  public enum Kind {
    CONTIGUOUS,
    STRIDED,
    TRANSPOSED,
    RANK8
  }

  /// A layout of `count` elements (one element may come out as a scalar).
  public static View of(Kind kind, int count, SplittableRandom random) {
    return switch (kind) {
      case CONTIGUOUS ->
          count == 1 && random.nextBoolean()
              ? box(new long[0])
              : box(factors(count, random.nextInt(1, 4), random));
      case STRIDED -> {
        View box = box(factors(count, random.nextInt(1, 4), random));
        int last = box.outer.length - 1;
        yield box.pad(last, random.nextInt(0, 3), random.nextInt(1, 3))
            .pad(random.nextInt(last + 1), random.nextInt(2), random.nextInt(2));
      }
      case TRANSPOSED -> box(factors(count, random.nextInt(2, 5), random)).shuffle(random);
      case RANK8 ->
          box(factors(count, 8, random))
              .pad(random.nextInt(8), 1, random.nextInt(2))
              .shuffle(random);
    };
  }

  /// Another layout of the same shape: contiguous, or cut from a larger box.
  public View relaid(SplittableRandom random) {
    View plain = box(shape());
    return plain.outer.length == 0 || random.nextBoolean()
        ? plain
        : plain.pad(random.nextInt(plain.outer.length), random.nextInt(2), random.nextInt(1, 3));
  }

  private long[] shape() {
    long[] shape = new long[axes.length];
    Arrays.setAll(shape, k -> to[axes[k]] - from[axes[k]]);
    return shape;
  }

  /// A plain run of elements.
  public static View flat(int count) {
    return box(new long[] {count});
  }

  /// A layout of a shape: contiguous, or cut from a larger box.
  public static View shaped(long[] shape, SplittableRandom random) {
    return box(shape.clone()).relaid(random);
  }

  /// A contiguous matrix.
  public static View matrix(int rows, int columns) {
    return box(new long[] {rows, columns});
  }

  /// A matrix that is contiguous, cut from a larger one, or transposed.
  public static View matrix(SplittableRandom random, int rows, int columns) {
    return switch (random.nextInt(4)) {
      case 0 -> matrix(rows, columns).pad(1, random.nextInt(3), random.nextInt(1, 3));
      case 1 -> {
        View turned = box(new long[] {columns, rows});
        yield new View(turned.outer, turned.from, turned.to, new int[] {1, 0});
      }
      default -> matrix(rows, columns);
    };
  }

  private static View box(long[] shape) {
    int[] axes = new int[shape.length];
    Arrays.setAll(axes, k -> k);
    return new View(shape, new long[shape.length], shape.clone(), axes);
  }

  private View pad(int axis, int before, int after) {
    long[] wider = outer.clone();
    long[] start = from.clone();
    long[] end = to.clone();
    wider[axis] += before + after;
    start[axis] += before;
    end[axis] += before;
    return new View(wider, start, end, axes);
  }

  private View shuffle(SplittableRandom random) {
    int[] order = axes.clone();
    for (int k = order.length - 1; k > 0; k--) {
      int other = random.nextInt(k + 1);
      int swapped = order[k];
      order[k] = order[other];
      order[other] = swapped;
    }
    if (Arrays.equals(order, axes) && order.length > 1) {
      order[0] = axes[order.length - 1];
      order[order.length - 1] = axes[0];
    }
    return new View(outer, from, to, order);
  }

  /// `count` as a product of `rank` sizes, in random order.
  private static long[] factors(int count, int rank, SplittableRandom random) {
    long[] shape = new long[rank];
    Arrays.fill(shape, 1);
    if (count == 0) {
      Arrays.setAll(shape, k -> random.nextInt(3));
      shape[random.nextInt(rank)] = 0;
      return shape;
    }
    int rest = count;
    for (int p = 2; rest > 1; p++) {
      p = (long) p * p > rest ? rest : p;
      while (rest % p == 0) {
        shape[random.nextInt(rank)] *= p;
        rest /= p;
      }
    }
    return shape;
  }

  /// Elements of the flat run that the view is cut from.
  public int outerCount() {
    return (int) product(outer);
  }

  /// The view, taken by the library's own means from a flat tensor of [#outerCount()] elements.
  public Tensor of(Tensor flat) {
    Tensor t = flat.reshape(outer);
    for (int axis = 0; axis < outer.length; axis++) {
      if (from[axis] != 0 || to[axis] != outer[axis]) {
        t = t.slice(axis, from[axis], to[axis]);
      }
    }
    boolean ordered = true;
    for (int k = 0; k < axes.length; k++) {
      ordered &= axes[k] == k;
    }
    return ordered ? t : t.permute(axes);
  }

  /// Where in the flat run each element lies, in row-major order of the view.
  public int[] places() {
    int rank = outer.length;
    long[] size = shape();
    long[] step = new long[rank];
    long start = 0;
    long stride = 1;
    long[] outerStep = new long[rank];
    for (int axis = rank - 1; axis >= 0; axis--) {
      outerStep[axis] = stride;
      start += from[axis] * stride;
      stride *= outer[axis];
    }
    for (int k = 0; k < rank; k++) {
      step[k] = outerStep[axes[k]];
    }
    int[] places = new int[(int) product(size)];
    long[] at = new long[rank];
    long place = start;
    for (int i = 0; i < places.length; i++) {
      places[i] = (int) place;
      for (int k = rank - 1; k >= 0; k--) {
        place += step[k];
        if (++at[k] < size[k]) {
          break;
        }
        place -= step[k] * size[k];
        at[k] = 0;
      }
    }
    return places;
  }

  private static long product(long[] sizes) {
    long product = 1;
    for (long size : sizes) {
      product *= size;
    }
    return product;
  }

  @Override
  public String toString() {
    return Arrays.toString(outer)
        + " from "
        + Arrays.toString(from)
        + " to "
        + Arrays.toString(to)
        + " axes "
        + Arrays.toString(axes);
  }
}
