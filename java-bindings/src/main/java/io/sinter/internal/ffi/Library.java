// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal.ffi;

import io.sinter.NativeUnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Finds and loads libsinter, once: the file named by `-Dsinter.library`, or else the library
/// bundled as a resource, which is extracted to a cache folder that only its owner can write.
@SuppressWarnings("restricted") // in this package only
public final class Library {
  private static final String PROPERTY = "sinter.library";

  /// What was tried, each with its reason; empty where the library was loaded.
  private static final List<String> ATTEMPTS = new ArrayList<>();

  private static final @Nullable Path LOADED = load();

  private Library() {}

  /// Throws unless the library is loaded.
  public static void require() {
    if (LOADED == null) {
      throw new NativeUnavailableException(ATTEMPTS);
    }
  }

  /// The file that was loaded.
  public static Path path() {
    if (LOADED == null) {
      throw new NativeUnavailableException(ATTEMPTS);
    }
    return LOADED;
  }

  static SymbolLookup symbols() {
    return SymbolLookup.loaderLookup();
  }

  private static @Nullable Path load() {
    String property = System.getProperty(PROPERTY);
    if (property != null) {
      Path file = Path.of(property).toAbsolutePath();
      if (tryLoad("-D" + PROPERTY + "=" + property, file) == Outcome.LOADED) {
        return file;
      }
      ATTEMPTS.add("the bundled library: not tried, because -D" + PROPERTY + " is set");
      return null;
    }
    ATTEMPTS.add("-D" + PROPERTY + ": not set");
    String platform = platform();
    String resource = "io/sinter/native/" + platform + "/" + System.mapLibraryName("sinter");
    String hash;
    try (InputStream in = open(resource)) {
      if (in == null) {
        ATTEMPTS.add(
            "resource "
                + resource
                + ": not found; add the artifact io.sinter:sinter-native with the classifier "
                + platform
                + " to the class or module path");
        return null;
      }
      hash = copy(in, OutputStream.nullOutputStream());
    } catch (IOException e) {
      ATTEMPTS.add("resource " + resource + ": " + e);
      return null;
    }
    for (Path folder : cacheFolders()) {
      Path file = folder.resolve(hash).resolve(System.mapLibraryName("sinter"));
      try {
        extract(Library::open, resource, hash, folder, file);
      } catch (IOException | SecurityException e) {
        ATTEMPTS.add("extracting to " + file + ": " + reason(e));
        continue;
      }
      switch (tryLoad(file.toString(), file)) {
        case LOADED -> {
          return file;
        }
        case WRONG_LIBRARY -> {
          return null;
        }
        case NOT_LOADED -> {} // for one, a folder mounted noexec: the next one may do
      }
    }
    return null;
  }

  private enum Outcome {
    LOADED,
    WRONG_LIBRARY,
    NOT_LOADED
  }

  private static Outcome tryLoad(String attempt, Path file) {
    try {
      System.load(file.toString());
    } catch (UnsatisfiedLinkError | IllegalCallerException e) {
      ATTEMPTS.add(attempt + ": " + reason(e));
      return Outcome.NOT_LOADED;
    }
    String hash = abiHash();
    if (!hash.equals(Abi.HASH)) {
      ATTEMPTS.add(
          attempt
              + ": its ABI hash is "
              + hash
              + ", and these bindings need "
              + Abi.HASH
              + "; use the libsinter of this version of Sinter");
      return Outcome.WRONG_LIBRARY;
    }
    ATTEMPTS.clear();
    return Outcome.LOADED;
  }

  private static String abiHash() {
    if (symbols().find("sinter_abi_hash").isEmpty()) {
      return "missing (there is no symbol sinter_abi_hash)";
    }
    MethodHandle handle =
        Downcalls.handle(symbols(), "sinter_abi_hash", FunctionDescriptor.of(ValueLayout.ADDRESS));
    try {
      return Downcalls.text((MemorySegment) handle.invokeExact());
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  private static String reason(Throwable e) {
    return e.getMessage() == null ? e.toString() : e.getMessage();
  }

  static @Nullable InputStream open(String resource) {
    ClassLoader loader = Library.class.getClassLoader();
    return loader == null
        ? ClassLoader.getSystemResourceAsStream(resource)
        : loader.getResourceAsStream(resource);
  }

  /// For example `linux-x86_64`.
  static String platform() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]", "");
    String arch = System.getProperty("os.arch");
    return os + "-" + (arch.equals("amd64") ? "x86_64" : arch);
  }

  /// Where resources come from; null where there is no such one.
  interface Source {
    @Nullable InputStream open(String resource) throws IOException;
  }

  /// Copies a stream, piece by piece: a library may be larger than the heap.
  ///
  /// @return the SHA-256 of what was copied
  static String copy(InputStream in, OutputStream out) throws IOException {
    try {
      DigestInputStream digested = new DigestInputStream(in, MessageDigest.getInstance("SHA-256"));
      digested.transferTo(out);
      return HexFormat.of().formatHex(digested.getMessageDigest().digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  static List<Path> cacheFolders() {
    List<Path> folders = new ArrayList<>();
    String xdg = System.getenv("XDG_CACHE_HOME");
    String home = System.getProperty("user.home");
    if (xdg != null && Path.of(xdg).isAbsolute()) {
      folders.add(Path.of(xdg, "sinter"));
    } else if (home != null && Path.of(home).isAbsolute()) {
      folders.add(Path.of(home, ".cache", "sinter"));
    }
    String user = System.getProperty("user.name", "user").replaceAll("[^A-Za-z0-9._-]", "_");
    folders.add(Path.of(System.getProperty("java.io.tmpdir"), "sinter-" + user));
    return folders;
  }

  /// Puts the resource of this hash at `file`, unless it is there already. Others who do the
  /// same at the same time see a whole file or none.
  static void extract(Source source, String resource, String hash, Path folder, Path file)
      throws IOException {
    FileAttribute<Set<PosixFilePermission>> ownerOnly =
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
    Files.createDirectories(folder, ownerOnly);
    checkOwnerOnly(folder);
    Path parent = folder.resolve(file.getName(file.getNameCount() - 2));
    Files.createDirectories(parent, ownerOnly);
    checkOwnerOnly(parent);
    if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
        if (copy(in, OutputStream.nullOutputStream()).equals(hash)) {
          return;
        }
      }
    }
    Path temporary = Files.createTempFile(parent, "libsinter", ".tmp", ownerOnly);
    try {
      String copied;
      try (InputStream in = source.open(resource);
          OutputStream out = Files.newOutputStream(temporary)) {
        copied = in == null ? "" : copy(in, out);
      }
      if (!copied.equals(hash)) {
        throw new IOException("resource " + resource + " changed while it was being read");
      }
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  /// A library is loaded only from a folder that nobody else can have written to.
  private static void checkOwnerOnly(Path folder) throws IOException {
    PosixFileAttributes attributes =
        Files.readAttributes(folder, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    Set<PosixFilePermission> others =
        EnumSet.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE);
    others.retainAll(attributes.permissions());
    Path probe = Files.createTempFile(folder, "owner", ".tmp");
    boolean ours;
    try {
      ours = Files.getOwner(probe, LinkOption.NOFOLLOW_LINKS).equals(attributes.owner());
    } finally {
      Files.delete(probe);
    }
    if (!attributes.isDirectory() || !others.isEmpty() || !ours) {
      throw new IOException(
          folder
              + " is not a folder of this user alone (owner "
              + attributes.owner().getName()
              + ", permissions "
              + PosixFilePermissions.toString(attributes.permissions())
              + "); remove it or set XDG_CACHE_HOME");
    }
  }
}
