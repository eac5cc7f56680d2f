// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import io.sinter.DType;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Assignment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;
import java.util.Set;

/// Coordinate descent over the groups of a spec: each is solved exactly, everything else renamed as
/// it is, and takes its new permutation where that raises the objective by more than rounding.
///
/// Groups that share no tensor do not see each other: they are solved together. A group none of
/// whose neighbours has changed since it was solved is skipped; duals are carried from one sweep to
/// the next.
///
/// Source: Ainsworth, Hayase & Srinivasa, "Git Re-Basin: merging models modulo permutation
/// symmetries", ICLR 2023.
final class WeightMatching {
  private final PermutationSpec spec;
  private final Pair pair;
  private final AlignmentOptions options;
  private final AlignmentListener listener;
  private final Stream stream;
  private final Costs costs;

  /// Products are sums of rounded numbers: what rises by less does not rise.
  private final double noise;

  private final SequencedMap<String, Permutation> permutations = new LinkedHashMap<>();
  private final Map<String, Set<String>> tensors = new HashMap<>();
  private final Map<String, Set<String>> neighbours = new HashMap<>();
  private final Set<String> quadratic = new HashSet<>();
  private final Map<String, double[]> duals = new HashMap<>();
  private final Map<String, Outcome> outcomes = new HashMap<>();
  private final Map<String, Integer> times = new HashMap<>();

  /// Groups that must be looked at: something that they depend on has changed.
  private final Set<String> open = new LinkedHashSet<>();

  private int skipped;
  private long assignmentNanos;

  /// How a group's last assignment went.
  private record Outcome(double gap, double spread, String method) {}

  WeightMatching(
      PermutationSpec spec, Pair pair, AlignmentOptions options, AlignmentListener listener) {
    this.spec = spec;
    this.pair = pair;
    this.options = options;
    this.listener = listener;
    this.stream = pair.stream();
    this.costs = new Costs(spec, pair);
    this.noise = pair.dtype() == DType.F64 ? 1e-12 : 1e-7;
    spec.groups().forEach((name, group) -> permutations.put(name, Permutation.identity(group)));
    for (String group : spec.groups().keySet()) {
      Set<String> named = new LinkedHashSet<>();
      Set<String> axes = new HashSet<>();
      for (Place place : Place.of(group, spec)) {
        if (pair.counts(place.tensor())) {
          // Twice in one product, unless in segments that stand beside each other.
          boolean again = !axes.add(place.tensor()) && !beside(group, place);
          if (again) {
            quadratic.add(group);
          }
          named.add(place.tensor());
        }
      }
      tensors.put(group, named);
    }
    for (String group : spec.groups().keySet()) {
      Set<String> near = new HashSet<>();
      for (String other : spec.groups().keySet()) {
        if (!other.equals(group) && !Collections.disjoint(tensors.get(group), tensors.get(other))) {
          near.add(other);
        }
      }
      if (quadratic.contains(group)) {
        near.add(group);
      }
      neighbours.put(group, near);
    }
    open.addAll(spec.groups().keySet());
  }

  /// Whether all places of a group in a place's tensor are segments of one axis.
  private boolean beside(String group, Place place) {
    List<Place> there =
        Place.of(group, spec).stream().filter(p -> p.tensor().equals(place.tensor())).toList();
    return there.stream().mapToInt(Place::axis).distinct().count() == 1
        && there.stream().mapToInt(Place::start).distinct().count() == there.size();
  }

  /// Matches.
  Alignment run() {
    long start = System.nanoTime();
    Map<String, Double> before = objectives();
    Random random = new Random(options.seed());
    int sweeps = 0;
    boolean changed = true;
    while (changed && sweeps < options.maxSweeps()) {
      sweeps++;
      changed = sweep(sweeps, random);
    }
    Map<String, Double> after = objectives();
    List<AlignmentReport.OfGroup> groups = new ArrayList<>();
    spec.groups()
        .forEach(
            (name, group) -> {
              Outcome outcome = outcomes.getOrDefault(name, new Outcome(0, 0, "none"));
              groups.add(
                  AlignmentReport.OfGroup.of(
                      group,
                      permutations.get(name),
                      sum(before, tensors.get(name)),
                      sum(after, tensors.get(name)),
                      times.getOrDefault(name, 0),
                      outcome.gap(),
                      outcome.spread(),
                      outcome.method()));
            });
    return new Alignment(
        spec,
        permutations,
        new AlignmentReport(
            spec.architecture(),
            sum(before, before.keySet()),
            sum(after, after.keySet()),
            sweeps,
            !changed,
            times.values().stream().mapToInt(Integer::intValue).sum(),
            skipped,
            (System.nanoTime() - start) / 1e9,
            costs.nanos() / 1e9,
            assignmentNanos / 1e9,
            groups));
  }

  private Map<String, Double> objectives() {
    Map<String, Double> objectives = new LinkedHashMap<>();
    for (String tensor : spec.tensors().keySet()) {
      if (pair.counts(tensor)) {
        objectives.put(tensor, pair.objective(tensor, permutations));
      }
    }
    return objectives;
  }

  private static double sum(Map<String, Double> objectives, Set<String> tensors) {
    return tensors.stream().mapToDouble(objectives::get).sum();
  }

  // ---- sweeps -----------------------------------------------------------------------------------

  /// One round over all groups. Returns whether one of them changed.
  private boolean sweep(int number, Random random) {
    List<String> order = new ArrayList<>(spec.groups().keySet());
    Collections.shuffle(order, random);
    boolean changed = false;
    for (List<String> together : independent(order)) {
      List<String> batch = new ArrayList<>();
      long bytes = 0;
      for (String name : together) {
        if (!open.remove(name)) {
          skipped++;
          continue;
        }
        Group group = spec.groups().get(name);
        if (group instanceof Group.Heads heads) {
          changed |= accepted(number, name, heads(heads));
          continue;
        }
        long more = costs.bytes(group);
        if (!batch.isEmpty() && bytes + more > options.workspace()) {
          changed |= units(number, batch);
          batch.clear();
          bytes = 0;
        }
        batch.add(name);
        bytes += more;
      }
      changed |= units(number, batch);
    }
    return changed;
  }

  /// Sets of groups without a common tensor, each group in the first set that it fits.
  private List<List<String>> independent(List<String> order) {
    List<List<String>> sets = new ArrayList<>();
    for (String group : order) {
      List<String> fitting =
          sets.stream()
              .filter(set -> Collections.disjoint(set, neighbours.get(group)))
              .findFirst()
              .orElse(null);
      if (fitting == null) {
        fitting = new ArrayList<>();
        sets.add(fitting);
      }
      fitting.add(group);
    }
    return sets;
  }

  /// What a group may change to.
  private record Proposal(Permutation permutation, double before, double after) {}

  /// Takes a proposal where it raises the objective.
  private boolean accepted(int sweep, String name, Proposal proposal) {
    times.merge(name, 1, Integer::sum);
    double rise = proposal.after() - proposal.before();
    boolean rises = rise > noise * Math.abs(proposal.before());
    if (rises) {
      permutations.put(name, proposal.permutation());
      open.addAll(neighbours.get(name));
    }
    listener.solved(sweep, name, rises ? rise : 0);
    return rises;
  }

  /// Solves groups of units together.
  private boolean units(int sweep, List<String> names) {
    if (names.isEmpty()) {
      return false;
    }
    List<Costs.Square> products = new ArrayList<>();
    try {
      for (String name : names) {
        products.add(costs.units((Group.Units) spec.groups().get(name), permutations));
      }
      List<Assignment.Solution> solutions = assign(names, products);
      boolean changed = false;
      for (int k = 0; k < names.size(); k++) {
        String name = names.get(k);
        Assignment.Solution solution = solutions.get(k);
        duals.put(name, solution.v());
        outcomes.put(
            name, new Outcome(solution.gap(), solution.spread(), solution.method().toString()));
        changed |= accepted(sweep, name, proposal(name, products.get(k), solution.columns()));
      }
      return changed;
    } finally {
      products.forEach(Costs.Square::close);
    }
  }

  private Proposal proposal(String name, Costs.Square products, int[] order) {
    Permutation.Units found = new Permutation.Units(order);
    if (!quadratic.contains(name)) {
      int[] now = ((Permutation.Units) permutations.get(name)).order();
      return new Proposal(found, products.sum(now), products.sum(order));
    }
    Map<String, Permutation> changed = new HashMap<>(permutations);
    changed.put(name, found);
    return new Proposal(found, objective(name, permutations), objective(name, changed));
  }

  /// The objective of a group, over all its tensors as they are.
  private double objective(String group, Map<String, Permutation> by) {
    return tensors.get(group).stream().mapToDouble(tensor -> pair.objective(tensor, by)).sum();
  }

  private List<Assignment.Solution> assign(List<String> names, List<Costs.Square> products) {
    List<Tensor> matrices = products.stream().map(Costs.Square::tensor).toList();
    boolean warm = names.stream().allMatch(duals::containsKey);
    List<double[]> start = new ArrayList<>();
    for (int k = 0; warm && k < names.size(); k++) {
      start.add(duals.get(names.get(k)));
    }
    long begin = System.nanoTime();
    try {
      return Assignment.solve(stream, matrices, Assignment.Sense.MAXIMIZE, warm ? start : null);
    } catch (NumericException e) {
      throw notFinite(names, e);
    } finally {
      assignmentNanos += System.nanoTime() - begin;
    }
  }

  private Proposal heads(Group.Heads group) {
    Permutation.Heads now = (Permutation.Heads) permutations.get(group.name());
    try (Costs.OfHeads products = costs.heads(group, permutations)) {
      HeadMatching matching = new HeadMatching(group, products, now, stream);
      HeadMatching.Found found = matching.solve();
      assignmentNanos += found.nanos();
      outcomes.put(
          group.name(), new Outcome(found.gap(), found.spread(), HeadMatching.method(group)));
      return new Proposal(
          found.permutation(), matching.objective(now), matching.objective(found.permutation()));
    } catch (NumericException e) {
      throw notFinite(List.of(group.name()), e);
    }
  }

  private NumericException notFinite(List<String> groups, NumericException cause) {
    Set<String> named = new LinkedHashSet<>();
    groups.forEach(group -> named.addAll(tensors.get(group)));
    NumericException better =
        new NumericException(
            "the units of "
                + (groups.size() == 1
                    ? "group '" + groups.getFirst() + "'"
                    : "the groups " + groups)
                + " cannot be compared: "
                + pair.nonFinite(named)
                + ". Repair the model.",
            cause.tensor());
    better.initCause(cause);
    return better;
  }
}
