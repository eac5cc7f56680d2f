// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.architecture;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// The arrows of the layout point one way: `kernels <- native <- java-bindings <- updater <- cli,
/// examples`. Each is checked on the sources or on the compiled classes.
class ArchitectureTest {

  /// What the JDK calls restricted: a wrong argument can crash the process.
  private static final List<String> RESTRICTED =
      List.of(
          "java.lang.foreign.AddressLayout.withTargetLayout",
          "java.lang.foreign.Linker.downcallHandle",
          "java.lang.foreign.Linker.upcallStub",
          "java.lang.foreign.MemorySegment.reinterpret",
          "java.lang.foreign.SymbolLookup.libraryLookup",
          "java.lang.ModuleLayer$Controller.enableNativeAccess",
          "java.lang.Runtime.load",
          "java.lang.Runtime.loadLibrary",
          "java.lang.System.load",
          "java.lang.System.loadLibrary");

  private static Path root;

  @BeforeAll
  static void findSources() {
    Path folder = Path.of("").toAbsolutePath();
    while (folder != null && !Files.exists(folder.resolve("native/include/sinter.h"))) {
      folder = folder.getParent();
    }
    assumeTrue(folder != null, "the sources are not here: these tests run in the source tree");
    root = folder;
  }

  @Test
  void kernelsKnowNothingOfTheLibraryAroundThem() throws IOException {
    Pattern upward =
        Pattern.compile("#\\s*include\\s*[<\"](sinter\\.h|abi/|core/|native/|.*/native/)");
    assertEquals(List.of(), linesMatching(upward, "kernels"));
  }

  @Test
  void kernelsAreLaunchedThroughOneFunction() throws IOException {
    assertEquals(List.of(), linesMatching(Pattern.compile("<<<"), "kernels", "native/src"));
  }

  @Test
  void bindingsDoNotKnowTheUpdater() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "io.sinter.updater..",
            "io.sinter.cli..",
            "io.sinter.examples..",
            "io.sinter.jcuda..",
            "jcuda..")
        .check(classes("java-bindings"));
  }

  @Test
  void jcudaIsKnownToItsOwnModuleOnly() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.sinter.jcuda..", "jcuda..")
        .check(classes("updater", "examples", "examples/bcwi", "cli"));
  }

  @Test
  void updaterKnowsNeitherCommandLineNorExamples() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.sinter.cli..", "io.sinter.examples..")
        .check(classes("updater"));
  }

  @Test
  void examplesDoNotKnowTheCommandLine() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.sinter.cli..")
        .check(classes("examples", "examples/bcwi"));
  }

  @Test
  void restrictedMethodsAreCalledInOnePackageOnly() {
    JavaClasses all =
        classes(
            "java-bindings", "java-bindings-jcuda", "updater", "examples", "examples/bcwi", "cli");
    for (String method : RESTRICTED) {
      int dot = method.lastIndexOf('.');
      noClasses()
          .that(not(resideInAPackage("io.sinter.internal.ffi..")))
          .should()
          .callMethodWhere(
              target(nameMatching(method.substring(dot + 1)))
                  .and(target(owner(assignableTo(method.substring(0, dot))))))
          .check(all);
    }
  }

  /// The classes of these modules as the build compiled them.
  private static JavaClasses classes(String... modules) {
    List<Path> folders = Stream.of(modules).map(m -> root.resolve(m + "/target/classes")).toList();
    JavaClasses classes = new ClassFileImporter().importPaths(folders);
    assertFalse(classes.isEmpty(), "no class files under " + folders);
    return classes;
  }

  /// Every line of a C, C++ or CUDA source below `folders` that matches outside of comments, as
  /// file:number: line.
  private static List<String> linesMatching(Pattern pattern, String... folders) throws IOException {
    List<String> found = new ArrayList<>();
    for (String folder : folders) {
      try (Stream<Path> files = Files.walk(root.resolve(folder))) {
        List<Path> sources =
            files.filter(f -> f.toString().matches(".*\\.(h|c|cpp|cu|cuh)")).sorted().toList();
        assertFalse(sources.isEmpty(), "no sources under " + folder);
        for (Path source : sources) {
          List<String> lines = Files.readAllLines(source);
          for (int i = 0; i < lines.size(); i++) {
            if (pattern.matcher(lines.get(i).replaceFirst("//.*", "")).find()) {
              found.add(root.relativize(source) + ":" + (i + 1) + ": " + lines.get(i).strip());
            }
          }
        }
      }
    }
    return found;
  }
}
