// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.AccessMode;
import java.nio.file.CopyOption;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.ProviderMismatchException;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.spi.FileSystemProvider;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.stream.StreamSupport;

/// The default file system, but operations on it fail as a [Fault] says. Everything that takes a
/// path takes one of these, so the code under test runs as it is, down to the calls that a disk
/// would fail.
final class FaultyFiles extends FileSystem {
  /// What is done to a file or a folder.
  enum Op {
    OPEN,
    CREATE,
    READ,
    WRITE,
    FORCE,
    SIZE,
    MAP,
    CLOSE,
    FOLDER,
    LIST,
    MOVE,
    EXCHANGE,
    DELETE,
    ATTRIBUTES,
    STORE
  }

  /// What goes wrong.
  interface Fault {
    /// Nothing.
    Fault NONE = new Fault() {};

    /// Before an operation on a file: throws what the operating system would report.
    ///
    /// @param name the file's
    default void before(Op op, String name) throws IOException {}

    /// How many of the wanted bytes are read or written; -1 at the end of the file.
    default int moves(Op op, String name, long position, int wanted) throws IOException {
      return wanted;
    }

    /// Whether bytes at a position are said to be written and are not.
    default boolean loses(String name, long position) {
      return false;
    }

    /// The size that is reported.
    default long size(String name, long actual) {
      return actual;
    }
  }

  private final FileSystem real = FileSystems.getDefault();
  private final Provider provider = new Provider();
  private volatile Fault fault = Fault.NONE;

  /// From now on this goes wrong.
  void set(Fault value) {
    fault = value;
  }

  Path of(Path path) {
    return new Wrapped(path);
  }

  private static Path real(Path path) {
    if (path instanceof Wrapped wrapped) {
      return wrapped.real;
    }
    throw new ProviderMismatchException(path + " is not of this file system");
  }

  private static String name(Path path) {
    return String.valueOf(real(path).getFileName());
  }

  @Override
  public FileSystemProvider provider() {
    return provider;
  }

  @Override
  public void close() {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean isOpen() {
    return true;
  }

  @Override
  public boolean isReadOnly() {
    return false;
  }

  @Override
  public String getSeparator() {
    return real.getSeparator();
  }

  @Override
  public Iterable<Path> getRootDirectories() {
    return StreamSupport.stream(real.getRootDirectories().spliterator(), false)
        .map(this::of)
        .toList();
  }

  @Override
  public Iterable<FileStore> getFileStores() {
    return real.getFileStores();
  }

  @Override
  public Set<String> supportedFileAttributeViews() {
    return real.supportedFileAttributeViews();
  }

  @Override
  public Path getPath(String first, String... more) {
    return of(real.getPath(first, more));
  }

  @Override
  public PathMatcher getPathMatcher(String pattern) {
    PathMatcher matcher = real.getPathMatcher(pattern);
    return path -> matcher.matches(real(path));
  }

  @Override
  public UserPrincipalLookupService getUserPrincipalLookupService() {
    return real.getUserPrincipalLookupService();
  }

  @Override
  public WatchService newWatchService() {
    throw new UnsupportedOperationException();
  }

  private final class Wrapped implements Path {
    private final Path real;

    Wrapped(Path real) {
      this.real = real;
    }

    private Path wrap(Path path) {
      return path == null ? null : new Wrapped(path);
    }

    @Override
    public FileSystem getFileSystem() {
      return FaultyFiles.this;
    }

    @Override
    public boolean isAbsolute() {
      return real.isAbsolute();
    }

    @Override
    public Path getRoot() {
      return wrap(real.getRoot());
    }

    @Override
    public Path getFileName() {
      return wrap(real.getFileName());
    }

    @Override
    public Path getParent() {
      return wrap(real.getParent());
    }

    @Override
    public int getNameCount() {
      return real.getNameCount();
    }

    @Override
    public Path getName(int index) {
      return wrap(real.getName(index));
    }

    @Override
    public Path subpath(int from, int to) {
      return wrap(real.subpath(from, to));
    }

    @Override
    public boolean startsWith(Path other) {
      return other instanceof Wrapped wrapped && real.startsWith(wrapped.real);
    }

    @Override
    public boolean endsWith(Path other) {
      return other instanceof Wrapped wrapped && real.endsWith(wrapped.real);
    }

    @Override
    public Path normalize() {
      return wrap(real.normalize());
    }

    @Override
    public Path resolve(Path other) {
      return wrap(real.resolve(FaultyFiles.real(other)));
    }

    @Override
    public Path relativize(Path other) {
      return wrap(real.relativize(FaultyFiles.real(other)));
    }

    @Override
    public URI toUri() {
      return real.toUri();
    }

    @Override
    public Path toAbsolutePath() {
      return wrap(real.toAbsolutePath());
    }

    @Override
    public Path toRealPath(LinkOption... options) throws IOException {
      return wrap(real.toRealPath(options));
    }

    /// Asked for by what the JDK has no call for, the exchange of folders and the allocation of
    /// space: where that is to fail, the file is said to lie where there is none.
    @Override
    public java.io.File toFile() {
      try {
        fault.before(Op.EXCHANGE, FaultyFiles.name(this));
        return real.toFile();
      } catch (IOException e) {
        return real.resolve("missing").toFile();
      }
    }

    @Override
    public WatchKey register(
        WatchService watcher, WatchEvent.Kind<?>[] events, WatchEvent.Modifier... modifiers) {
      throw new UnsupportedOperationException();
    }

    @Override
    public int compareTo(Path other) {
      return real.compareTo(FaultyFiles.real(other));
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Wrapped wrapped && real.equals(wrapped.real);
    }

    @Override
    public int hashCode() {
      return real.hashCode();
    }

    @Override
    public String toString() {
      return real.toString();
    }
  }

  private final class Provider extends FileSystemProvider {
    private final FileSystemProvider real = FaultyFiles.this.real.provider();

    @Override
    public String getScheme() {
      return "faulty";
    }

    @Override
    public FileSystem newFileSystem(URI uri, Map<String, ?> environment) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FileSystem getFileSystem(URI uri) {
      return FaultyFiles.this;
    }

    @Override
    public Path getPath(URI uri) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FileChannel newFileChannel(
        Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
        throws IOException {
      boolean creates = options.toString().contains("CREATE");
      fault.before(creates ? Op.CREATE : Op.OPEN, name(path));
      return new Channel(
          name(path), real.newFileChannel(FaultyFiles.real(path), options, attributes));
    }

    @Override
    public SeekableByteChannel newByteChannel(
        Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
        throws IOException {
      return newFileChannel(path, options, attributes);
    }

    @Override
    public DirectoryStream<Path> newDirectoryStream(
        Path folder, DirectoryStream.Filter<? super Path> filter) throws IOException {
      fault.before(Op.LIST, name(folder));
      DirectoryStream<Path> stream =
          real.newDirectoryStream(
              FaultyFiles.real(folder), path -> filter.accept(new Wrapped(path)));
      return new DirectoryStream<>() {
        @Override
        public Iterator<Path> iterator() {
          Iterator<Path> paths = stream.iterator();
          return new Iterator<>() {
            @Override
            public boolean hasNext() {
              return paths.hasNext();
            }

            @Override
            public Path next() {
              return new Wrapped(paths.next());
            }
          };
        }

        @Override
        public void close() throws IOException {
          stream.close();
        }
      };
    }

    @Override
    public void createDirectory(Path folder, FileAttribute<?>... attributes) throws IOException {
      fault.before(Op.FOLDER, name(folder));
      real.createDirectory(FaultyFiles.real(folder), attributes);
    }

    @Override
    public void delete(Path path) throws IOException {
      fault.before(Op.DELETE, name(path));
      real.delete(FaultyFiles.real(path));
    }

    @Override
    public void copy(Path source, Path target, CopyOption... options) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void move(Path source, Path target, CopyOption... options) throws IOException {
      fault.before(Op.MOVE, name(target));
      real.move(FaultyFiles.real(source), FaultyFiles.real(target), options);
    }

    @Override
    public boolean isSameFile(Path a, Path b) throws IOException {
      return real.isSameFile(FaultyFiles.real(a), FaultyFiles.real(b));
    }

    @Override
    public boolean isHidden(Path path) throws IOException {
      return real.isHidden(FaultyFiles.real(path));
    }

    @Override
    public FileStore getFileStore(Path path) throws IOException {
      fault.before(Op.STORE, name(path));
      return real.getFileStore(FaultyFiles.real(path));
    }

    @Override
    public void checkAccess(Path path, AccessMode... modes) throws IOException {
      real.checkAccess(FaultyFiles.real(path), modes);
    }

    @Override
    public <V extends FileAttributeView> V getFileAttributeView(
        Path path, Class<V> type, LinkOption... options) {
      return real.getFileAttributeView(FaultyFiles.real(path), type, options);
    }

    @Override
    public <A extends BasicFileAttributes> A readAttributes(
        Path path, Class<A> type, LinkOption... options) throws IOException {
      fault.before(Op.ATTRIBUTES, name(path));
      return real.readAttributes(FaultyFiles.real(path), type, options);
    }

    @Override
    public Map<String, Object> readAttributes(Path path, String names, LinkOption... options)
        throws IOException {
      return real.readAttributes(FaultyFiles.real(path), names, options);
    }

    @Override
    public void setAttribute(Path path, String name, Object value, LinkOption... options)
        throws IOException {
      real.setAttribute(FaultyFiles.real(path), name, value, options);
    }
  }

  private final class Channel extends FileChannel {
    private final String name;
    private final FileChannel real;

    Channel(String name, FileChannel real) {
      this.name = name;
      this.real = real;
    }

    @Override
    public int read(ByteBuffer target, long position) throws IOException {
      fault.before(Op.READ, name);
      int wanted = target.remaining();
      int moves = fault.moves(Op.READ, name, position, wanted);
      if (moves < 0) {
        return -1;
      }
      int limit = target.limit();
      target.limit(target.position() + Math.min(moves, wanted));
      try {
        return real.read(target, position);
      } finally {
        target.limit(limit);
      }
    }

    @Override
    public int write(ByteBuffer source, long position) throws IOException {
      fault.before(Op.WRITE, name);
      int moves = fault.moves(Op.WRITE, name, position, source.remaining());
      if (moves > 0 && fault.loses(name, position + moves - 1)) {
        source.position(source.position() + moves);
        return moves;
      }
      int limit = source.limit();
      source.limit(source.position() + moves);
      try {
        return real.write(source, position);
      } finally {
        source.limit(limit);
      }
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
      int n = read(target, real.position());
      real.position(real.position() + Math.max(0, n));
      return n;
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
      int n = write(source, real.position());
      real.position(real.position() + n);
      return n;
    }

    @Override
    public long read(ByteBuffer[] targets, int offset, int length) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long write(ByteBuffer[] sources, int offset, int length) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long position() throws IOException {
      return real.position();
    }

    @Override
    public FileChannel position(long position) throws IOException {
      real.position(position);
      return this;
    }

    @Override
    public long size() throws IOException {
      fault.before(Op.SIZE, name);
      return fault.size(name, real.size());
    }

    @Override
    public FileChannel truncate(long size) throws IOException {
      real.truncate(size);
      return this;
    }

    @Override
    public void force(boolean metadata) throws IOException {
      fault.before(Op.FORCE, name);
      real.force(metadata);
    }

    @Override
    public long transferTo(long position, long count, WritableByteChannel target) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long transferFrom(ReadableByteChannel source, long position, long count) {
      throw new UnsupportedOperationException();
    }

    @Override
    public MappedByteBuffer map(MapMode mode, long position, long size) {
      throw new UnsupportedOperationException();
    }

    @Override
    public MemorySegment map(MapMode mode, long offset, long size, Arena arena) throws IOException {
      fault.before(Op.MAP, name);
      return real.map(mode, offset, size, arena);
    }

    @Override
    public FileLock lock(long position, long size, boolean shared) throws IOException {
      return real.lock(position, size, shared);
    }

    @Override
    public FileLock tryLock(long position, long size, boolean shared) throws IOException {
      return real.tryLock(position, size, shared);
    }

    /// The descriptor is gone even where closing it reports an error, as Linux has it.
    @Override
    protected void implCloseChannel() throws IOException {
      real.close();
      fault.before(Op.CLOSE, name);
    }
  }
}
