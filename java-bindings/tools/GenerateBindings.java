// SPDX-License-Identifier: Apache-2.0

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/// Generates `io.sinter.internal.ffi.Abi` from `sinter.h`, and `layout.c`, a C program that prints
/// what the C compiler makes of the same structs.
///
/// ```text
/// java GenerateBindings.java --write HEADER ABI_JAVA LAYOUT_C    writes both files
/// java GenerateBindings.java --check HEADER ABI_JAVA LAYOUT_C    fails where they are out of date
/// java GenerateBindings.java --hash HEADER                       prints the ABI hash
/// ```
///
/// It reads a small subset of C: enums with explicit values, opaque structs, flat structs with
/// arrays, prototypes, and the preprocessor lines of an include guard. Anything else is an error
/// with its line, never a guess.
public final class GenerateBindings {
  private static final String COMMAND =
      "java tools/GenerateBindings.java --write ../native/include/sinter.h"
          + " src/main/java/io/sinter/internal/ffi/Abi.java ../native/test/layout.c";

  public static void main(String[] args) throws IOException {
    System.exit(run(args, System.out, System.err));
  }

  /// Does what `main` is asked to.
  ///
  /// @return the exit status: 0 done, 1 out of date or an error in the header, 2 wrong usage
  public static int run(String[] args, PrintStream out, PrintStream err) throws IOException {
    String mode = args.length == 0 ? "" : args[0];
    if (!(mode.equals("--hash") && args.length == 2)
        && !((mode.equals("--write") || mode.equals("--check")) && args.length == 4)) {
      err.println(
          "usage: GenerateBindings --write|--check HEADER ABI_JAVA LAYOUT_C | --hash HEADER");
      return 2;
    }
    try {
      String source = Files.readString(Path.of(args[1]));
      if (mode.equals("--hash")) {
        out.println(hash(source));
        return 0;
      }
      Header header = new Parser(new Lexer(source).tokens()).header();
      Map<Path, String> outputs = new LinkedHashMap<>();
      outputs.put(Path.of(args[2]), new JavaWriter(header, hash(source)).text());
      outputs.put(Path.of(args[3]), layoutProgram(header));
      return mode.equals("--write") ? write(outputs) : check(outputs, err);
    } catch (SyntaxError e) {
      err.println(args[1] + ":" + e.line + ": " + e.getMessage());
      return 1;
    }
  }

  private static int write(Map<Path, String> outputs) throws IOException {
    for (Map.Entry<Path, String> output : outputs.entrySet()) {
      Files.createDirectories(output.getKey().toAbsolutePath().getParent());
      Files.writeString(output.getKey(), output.getValue());
    }
    return 0;
  }

  private static int check(Map<Path, String> outputs, PrintStream err) throws IOException {
    int status = 0;
    for (Map.Entry<Path, String> output : outputs.entrySet()) {
      Path file = output.getKey();
      int line = Files.exists(file) ? difference(Files.readString(file), output.getValue()) : 1;
      if (line > 0) {
        err.println(file + ":" + line + ": out of date; run, in java-bindings:\n  " + COMMAND);
        status = 1;
      }
    }
    return status;
  }

  /// The number of the first line that differs, or 0.
  private static int difference(String left, String right) {
    if (left.equals(right)) {
      return 0;
    }
    List<String> a = left.lines().toList();
    List<String> b = right.lines().toList();
    int line = 0;
    while (line < a.size() && line < b.size() && a.get(line).equals(b.get(line))) {
      line++;
    }
    return line + 1;
  }

  /// The header's ABI hash: every comment is replaced by a space, each run of white space folded to
  /// one space, the ends trimmed; SHA-256 of the UTF-8 bytes. `native/cmake/AbiHash.cmake` computes
  /// the same.
  static String hash(String source) {
    StringBuilder code = new StringBuilder();
    int i = 0;
    while (i < source.length()) {
      if (source.startsWith("/*", i)) {
        int end = source.indexOf("*/", i + 2);
        if (end < 0) {
          throw new SyntaxError(lineOf(source, i), "a comment is not closed");
        }
        code.append(' ');
        i = end + 2;
      } else if (source.startsWith("//", i)) {
        int end = source.indexOf('\n', i);
        code.append(' ');
        i = end < 0 ? source.length() : end + 1;
      } else {
        code.append(source.charAt(i++));
      }
    }
    String canonical = code.toString().replaceAll("[ \\t\\r\\n]+", " ").strip();
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(sha.digest(canonical.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  private static int lineOf(String source, int position) {
    return 1 + (int) source.substring(0, position).chars().filter(c -> c == '\n').count();
  }

  /// A construct outside the subset, and its line.
  private static final class SyntaxError extends RuntimeException {
    private static final long serialVersionUID = 1;
    final int line;

    SyntaxError(int line, String message) {
      super(message);
      this.line = line;
    }
  }

  // ---- What a header holds

  /// A C type: `base` names a scalar, a struct, `void` or `char`; `stars` is its depth as a
  /// pointer.
  private record Type(String base, int stars) {
    boolean isString() {
      return base.equals("char") && stars == 1;
    }

    boolean isPointer() {
      return stars > 0;
    }
  }

  /// A struct's field; `length` is an array's, or 0.
  private record Field(String doc, Type type, String name, int length) {
    boolean isText() {
      return type.equals(new Type("char", 0));
    }

    long alignment() {
      if (type.isPointer()) {
        return 8;
      }
      return switch (type.base) {
        case "char" -> 1;
        case "int32_t", "float" -> 4;
        default -> 8;
      };
    }

    long size() {
      return alignment() * (length > 0 ? length : 1);
    }
  }

  private record Parameter(Type type, String name) {}

  private sealed interface Declaration {}

  private record Constant(String doc, String name, int value) {}

  private record Enumeration(String doc, String name, List<Constant> constants)
      implements Declaration {}

  private record Struct(String doc, String name, List<Field> fields) implements Declaration {}

  private record Function(String doc, Type result, String name, List<Parameter> parameters)
      implements Declaration {}

  private record Header(List<Declaration> declarations) {
    <T extends Declaration> List<T> all(Class<T> kind) {
      return declarations.stream().filter(kind::isInstance).map(kind::cast).toList();
    }
  }

  // ---- Reading

  private enum Kind {
    WORD,
    NUMBER,
    MARK,
    COMMENT,
    END
  }

  /// A token; a comment's `lastLine` tells whether the next token follows at once.
  private record Token(Kind kind, String text, int line, int lastLine) {}

  /// Splits a header into tokens. Preprocessor lines must be the known ones.
  private static final class Lexer {
    private static final Set<String> GUARD =
        Set.of(
            "#ifndef SINTER_H",
            "#define SINTER_H",
            "#include <stddef.h>",
            "#include <stdint.h>",
            "#if defined(_WIN32)",
            "#define SINTER_API",
            "#else",
            "#define SINTER_API __attribute__((visibility(\"default\")))",
            "#endif",
            "#ifdef __cplusplus");

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    private int line = 1;

    Lexer(String source) {
      this.source = source + "\n";
    }

    List<Token> tokens() {
      boolean cplusplus = false;
      while (at < source.length()) {
        char c = source.charAt(at);
        if (c == '\n') {
          line++;
          at++;
        } else if (c == ' ') {
          at++;
        } else if (c == '#') {
          int end = source.indexOf('\n', at);
          String directive = source.substring(at, end).replaceFirst("/\\*.*", "").strip();
          if (!GUARD.contains(directive)) {
            throw new SyntaxError(line, "unknown preprocessor line: " + directive);
          }
          if (cplusplus && !directive.equals("#endif")) {
            throw new SyntaxError(line, "a directive inside #ifdef __cplusplus: " + directive);
          }
          cplusplus = directive.equals("#ifdef __cplusplus");
          at = end;
        } else if (cplusplus) {
          at = source.indexOf('\n', at); // extern "C" { and its closing brace
        } else if (source.startsWith("/*", at)) {
          comment();
        } else if (Character.isLetter(c) || c == '_') {
          run(Kind.WORD);
        } else if (Character.isDigit(c)) {
          run(Kind.NUMBER);
        } else if ("{}()[];,*=-".indexOf(c) >= 0) {
          tokens.add(new Token(Kind.MARK, String.valueOf(c), line, line));
          at++;
        } else {
          throw new SyntaxError(line, "unknown character '" + c + "'");
        }
      }
      tokens.add(new Token(Kind.END, "the end of the header", line, line));
      return tokens;
    }

    private void run(Kind kind) {
      int start = at;
      while (Character.isLetterOrDigit(source.charAt(at)) || source.charAt(at) == '_') {
        at++;
      }
      tokens.add(new Token(kind, source.substring(start, at), line, line));
    }

    private void comment() {
      int end = source.indexOf("*/", at + 2);
      if (end < 0) {
        throw new SyntaxError(line, "a comment is not closed");
      }
      StringBuilder text = new StringBuilder();
      for (String each : source.substring(at + 2, end).split("\n", -1)) {
        String body = each.strip();
        text.append(body.equals("*") ? "" : each.replaceFirst("^\\s*\\* ", "").stripTrailing());
        text.append('\n');
      }
      int first = line;
      line += (int) source.substring(at, end).chars().filter(c -> c == '\n').count();
      tokens.add(new Token(Kind.COMMENT, text.toString().strip(), first, line));
      at = end + 2;
    }
  }

  /// Reads declarations by recursive descent.
  private static final class Parser {
    private static final Set<String> SCALARS =
        Set.of("int32_t", "int64_t", "size_t", "float", "double");

    private final List<Token> tokens;
    private final Map<String, Boolean> structs = new HashMap<>(); // name -> opaque
    private final Map<String, Integer> names = new HashMap<>(); // name -> line
    private int at;
    private String doc = "";

    Parser(List<Token> tokens) {
      this.tokens = tokens;
    }

    Header header() {
      List<Declaration> declarations = new ArrayList<>();
      while (peek().kind != Kind.END) {
        Token first = peek();
        String comment = doc;
        switch (first.text) {
          case "enum" -> declarations.add(enumeration(comment));
          case "typedef" -> declarations.add(struct(comment));
          case "SINTER_API" -> declarations.add(function(comment));
          default ->
              throw error(first, "expected enum, typedef or SINTER_API, found " + first.text);
        }
      }
      return new Header(declarations);
    }

    private Enumeration enumeration(String comment) {
      expect("enum");
      String name = declare();
      expect("{");
      List<Constant> constants = new ArrayList<>();
      do {
        if (peek().text.equals("}")) {
          break;
        }
        String constantDoc = doc;
        String constant = declare();
        expect("=");
        int sign = accept("-") ? -1 : 1;
        constants.add(new Constant(constantDoc, constant, sign * number()));
      } while (accept(","));
      expect("}");
      expect(";");
      return new Enumeration(comment, name, constants);
    }

    private Struct struct(String comment) {
      expect("typedef");
      expect("struct");
      Token tag = peek();
      String name = declare();
      List<Field> fields = new ArrayList<>();
      boolean opaque = !accept("{");
      structs.put(name, opaque);
      if (!opaque) {
        long offset = 0;
        while (!accept("}")) {
          String fieldDoc = doc;
          Token first = peek();
          Type type = type();
          String field = word();
          int length = 0;
          if (accept("[")) {
            length = number();
            expect("]");
          }
          expect(";");
          boolean text = type.equals(new Type("char", 0));
          if (text != (length > 0 && type.base.equals("char"))
              || (length > 0 && !text && !type.equals(new Type("int64_t", 0)))
              || (!type.isPointer() && !text && !SCALARS.contains(type.base))) {
            throw error(first, "unknown kind of field " + field);
          }
          Field added = new Field(fieldDoc, type, field, length);
          if (offset % added.alignment() != 0) {
            throw error(first, name + "." + field + " needs padding before it: reorder the fields");
          }
          offset += added.size();
          fields.add(added);
        }
        if (offset % 8 != 0) {
          throw error(tag, name + " needs padding at its end: add a reserved field");
        }
      }
      String alias = word();
      if (!alias.equals(name)) {
        throw error(tag, "struct " + name + " is given another name, " + alias);
      }
      expect(";");
      return new Struct(comment, name, fields);
    }

    private Function function(String comment) {
      expect("SINTER_API");
      Token first = peek();
      Type result = type();
      if (!Set.of(new Type("int32_t", 0), new Type("void", 0), new Type("char", 1))
          .contains(result)) {
        throw error(first, "unknown result type");
      }
      String name = declare();
      expect("(");
      List<Parameter> parameters = new ArrayList<>();
      if (peek().text.equals("void") && tokens.get(at + 1).text.equals(")")) {
        expect("void");
      } else {
        do {
          Token start = peek();
          Type type = type();
          if (!type.isPointer() && !SCALARS.contains(type.base)) {
            throw error(start, "unknown parameter type " + type.base);
          }
          parameters.add(new Parameter(type, word()));
        } while (accept(","));
      }
      expect(")");
      expect(";");
      return new Function(comment, result, name, parameters);
    }

    private Type type() {
      accept("const");
      Token first = peek();
      String base = word();
      int stars = 0;
      while (accept("*")) {
        stars++;
        accept("const");
      }
      boolean known =
          SCALARS.contains(base)
              || base.equals("void")
              || base.equals("char")
              || structs.containsKey(base);
      if (!known || stars > 2 || (structs.containsKey(base) && stars == 0)) {
        throw error(first, "unknown type " + base + "*".repeat(stars));
      }
      return new Type(base, stars);
    }

    private String declare() {
      Token name = peek();
      String text = word();
      Integer before = names.putIfAbsent(text, name.line);
      if (before != null) {
        throw error(name, text + " is declared already on line " + before);
      }
      return text;
    }

    /// The next token that is no comment; `doc` becomes the comment that stands right before it.
    private Token peek() {
      doc = "";
      while (tokens.get(at).kind == Kind.COMMENT) {
        at++;
      }
      Token token = tokens.get(at);
      if (at > 0) {
        Token before = tokens.get(at - 1);
        boolean heading = before.text.startsWith("----");
        if (before.kind == Kind.COMMENT && !heading && before.lastLine + 1 >= token.line) {
          doc = before.text;
        }
      }
      return token;
    }

    private boolean accept(String text) {
      boolean found = peek().text.equals(text) && peek().kind != Kind.END;
      if (found) {
        at++;
        peek();
      }
      return found;
    }

    private void expect(String text) {
      if (!accept(text)) {
        throw error(peek(), "expected " + text + ", found " + peek().text);
      }
    }

    private String word() {
      Token token = peek();
      if (token.kind != Kind.WORD) {
        throw error(token, "expected a name, found " + token.text);
      }
      at++;
      peek();
      return token.text;
    }

    private int number() {
      Token token = peek();
      if (token.kind != Kind.NUMBER || !token.text.matches("0|[1-9][0-9]*")) {
        throw error(token, "expected a decimal number, found " + token.text);
      }
      at++;
      peek();
      return Integer.parseInt(token.text);
    }

    private static SyntaxError error(Token token, String message) {
      return new SyntaxError(token.line, message);
    }
  }

  // ---- Writing

  /// Writes the Java source, laid out as google-java-format does.
  private static final class JavaWriter {
    private static final int WIDTH = 100;
    private static final List<String> LAYOUTS =
        List.of("ADDRESS", "JAVA_BYTE", "JAVA_DOUBLE", "JAVA_FLOAT", "JAVA_INT", "JAVA_LONG");
    private static final List<String> CLASSES =
        List.of(
            "foreign.AddressLayout",
            "foreign.FunctionDescriptor",
            "foreign.MemoryLayout",
            "foreign.MemoryLayout.PathElement",
            "foreign.MemorySegment",
            "foreign.StructLayout",
            "invoke.MethodHandle");

    private final Header header;
    private final String hash;
    private final StringBuilder out = new StringBuilder();

    JavaWriter(Header header, String hash) {
      this.header = header;
      this.hash = hash;
    }

    String text() {
      line(0, "/// `sinter.h`: its constants, structs and functions under their C names.");
      line(0, "public final class Abi {");
      line(2, "/// SHA-256 of the header these bindings were generated from.");
      line(2, "public static final String HASH =");
      line(6, "\"" + hash + "\";");
      for (Enumeration enumeration : header.all(Enumeration.class)) {
        for (Constant constant : enumeration.constants) {
          line(0, "");
          doc(2, constant.doc.isEmpty() ? enumeration.doc : constant.doc);
          line(2, "public static final int " + constant.name + " = " + constant.value + ";");
        }
      }
      line(0, "");
      line(2, "/// A pointer, for results through `**`.");
      line(2, "public static final AddressLayout POINTER = ADDRESS;");
      line(0, "");
      line(2, "private Abi() {}");
      for (Function function : header.all(Function.class)) {
        function(function);
      }
      for (Struct struct : header.all(Struct.class)) {
        if (!struct.fields.isEmpty()) {
          struct(struct);
        }
      }
      for (Function function : header.all(Function.class)) {
        handle(function);
      }
      line(0, "}");
      String body = out.toString();
      out.setLength(0);
      line(0, "// SPDX-License-Identifier: Apache-2.0");
      line(0, "// Generated from sinter.h by tools/GenerateBindings.java. Do not edit.");
      line(0, "package io.sinter.internal.ffi;");
      line(0, "");
      imports("import static java.lang.foreign.ValueLayout.", LAYOUTS, body);
      line(0, "");
      imports("import java.lang.", CLASSES, body);
      line(0, "");
      return out + body;
    }

    private void imports(String start, List<String> names, String body) {
      for (String name : names) {
        if (body.contains(name.substring(name.lastIndexOf('.') + 1))) {
          line(0, start + name + ";");
        }
      }
    }

    private void function(Function function) {
      line(0, "");
      doc(2, function.doc);
      List<String> parameters = new ArrayList<>();
      List<String> arguments = new ArrayList<>();
      for (Parameter parameter : function.parameters) {
        parameters.add(javaType(parameter.type) + " " + parameter.name);
        arguments.add(parameter.name);
      }
      String result = function.result.isString() ? "String" : javaType(function.result);
      call(2, "public static " + result + " " + function.name, parameters, " {", 4);
      line(4, "Library.require();");
      line(4, "try {");
      String invoke = function.name + ".HANDLE.invokeExact";
      if (function.result.isString()) {
        line(6, "return Downcalls.text((MemorySegment) " + invoke + "());");
      } else if (result.equals("void")) {
        call(6, invoke, arguments, ";", 4);
      } else {
        String cast = "return (" + result + ")";
        String flat = invoke + "(" + String.join(", ", arguments) + ");";
        if (6 + cast.length() + 1 + flat.length() <= WIDTH) {
          line(6, cast + " " + flat);
        } else {
          line(6, cast);
          call(10, invoke, arguments, ";", 4);
        }
      }
      line(4, "} catch (Throwable thrown) {");
      line(6, "throw Downcalls.unchecked(thrown);");
      line(4, "}");
      line(2, "}");
    }

    private void handle(Function function) {
      line(0, "");
      line(2, "private static final class " + function.name + " {");
      List<String> layouts = new ArrayList<>();
      boolean isVoid = function.result.equals(new Type("void", 0));
      if (!isVoid) {
        layouts.add(layout(function.result));
      }
      function.parameters.forEach(p -> layouts.add(layout(p.type)));
      line(4, "static final MethodHandle HANDLE =");
      String descriptor = "FunctionDescriptor." + (isVoid ? "ofVoid" : "of");
      String flat = descriptor + "(" + String.join(", ", layouts) + ")";
      String open = "Downcalls.handle(";
      String name = "\"" + function.name + "\"";
      if (8 + open.length() + name.length() + 2 + flat.length() + 2 <= WIDTH) {
        line(8, open + name + ", " + flat + ");");
      } else {
        line(8, open);
        if (12 + name.length() + 2 + flat.length() + 2 <= WIDTH) {
          line(12, name + ", " + flat + ");");
        } else {
          line(12, name + ",");
          call(12, descriptor, layouts, ");", 4);
        }
      }
      line(2, "}");
    }

    private void struct(Struct struct) {
      line(0, "");
      doc(2, struct.doc);
      line(2, "public static final class " + struct.name + " {");
      line(4, "/// The struct's layout in C.");
      line(4, "public static final StructLayout LAYOUT =");
      line(8, "MemoryLayout.structLayout(");
      for (int i = 0; i < struct.fields.size(); i++) {
        Field field = struct.fields.get(i);
        String element = field.length > 0 && field.isText() ? "JAVA_BYTE" : layout(field.type);
        String layout =
            field.length > 0
                ? "MemoryLayout.sequenceLayout(" + field.length + ", " + element + ")"
                : element;
        String end = i + 1 < struct.fields.size() ? "," : ");";
        line(12, layout + ".withName(\"" + field.name + "\")" + end);
      }
      line(0, "");
      line(4, "private static final long SIZE = LAYOUT.byteSize();");
      for (Field field : struct.fields) {
        line(
            4,
            "private static final long "
                + offsetName(field)
                + " = offset(\""
                + field.name
                + "\");");
      }
      line(0, "");
      line(4, "private " + struct.name + "() {}");
      line(0, "");
      line(4, "private static long offset(String field) {");
      line(6, "return LAYOUT.byteOffset(PathElement.groupElement(field));");
      line(4, "}");
      for (Field field : struct.fields) {
        accessors(field);
      }
      line(2, "}");
    }

    private void accessors(Field field) {
      String place = "index * SIZE + " + offsetName(field);
      String array = "MemorySegment array, long index";
      line(0, "");
      if (field.isText()) {
        doc(4, field.doc);
        line(4, "public static String " + field.name + "(" + array + ") {");
        line(6, "return array.asSlice(" + place + ", " + field.length + ").getString(0);");
        line(4, "}");
        return;
      }
      String type = javaType(field.type);
      String layout = layout(field.type);
      String position = field.length > 0 ? ", int i" : "";
      String step = field.length > 0 ? " + " + field.size() / field.length + "L * i" : "";
      doc(4, field.doc);
      call(
          4,
          "public static " + type + " " + field.name,
          List.of((array + position).split(", ")),
          " {",
          4);
      line(6, "return array.get(" + layout + ", " + place + step + ");");
      line(4, "}");
      line(0, "");
      doc(4, field.doc);
      call(
          4,
          "public static void " + field.name,
          List.of((array + position + ", " + type + " value").split(", ")),
          " {",
          4);
      line(6, "array.set(" + layout + ", " + place + step + ", value);");
      line(4, "}");
    }

    private static String offsetName(Field field) {
      return "AT_" + field.name.toUpperCase(Locale.ROOT);
    }

    private static String javaType(Type type) {
      if (type.isPointer()) {
        return "MemorySegment";
      }
      return switch (type.base) {
        case "int32_t" -> "int";
        case "int64_t", "size_t" -> "long";
        case "double" -> "double";
        case "float" -> "float";
        case "void" -> "void";
        default -> throw new AssertionError(type);
      };
    }

    private static String layout(Type type) {
      if (type.isPointer()) {
        return "ADDRESS";
      }
      return switch (type.base) {
        case "int32_t" -> "JAVA_INT";
        case "int64_t", "size_t" -> "JAVA_LONG";
        case "double" -> "JAVA_DOUBLE";
        case "float" -> "JAVA_FLOAT";
        default -> throw new AssertionError(type);
      };
    }

    /// The C comment, word for word: its formulas are not Markdown.
    private void doc(int indent, String text) {
      if (text.isEmpty()) {
        return;
      }
      line(indent, "/// ```text");
      for (String each : text.lines().toList()) {
        String rest = each;
        while (indent + 4 + rest.length() > WIDTH) {
          int space = rest.lastIndexOf(' ', WIDTH - indent - 4);
          line(indent, "/// " + rest.substring(0, space));
          rest = rest.substring(space + 1);
        }
        line(indent, ("/// " + rest).stripTrailing());
      }
      line(indent, "/// ```");
    }

    /// `head(items)tail` on one line, or broken after the parenthesis, or one item to a line;
    /// short items share lines.
    private void call(int indent, String head, List<String> items, String tail, int step) {
      String joined = String.join(", ", items);
      if (indent + head.length() + 1 + joined.length() + 1 + tail.length() <= WIDTH) {
        line(indent, head + "(" + joined + ")" + tail);
      } else if (indent + step + joined.length() + 1 + tail.length() <= WIDTH) {
        line(indent, head + "(");
        line(indent + step, joined + ")" + tail);
      } else {
        line(indent, head + "(");
        boolean fill = items.stream().allMatch(item -> item.length() < 10);
        StringBuilder row = new StringBuilder();
        for (int i = 0; i < items.size(); i++) {
          String item = items.get(i) + (i + 1 < items.size() ? "," : ")" + tail);
          boolean fits = fill && indent + step + row.length() + 1 + item.length() <= WIDTH;
          if (!row.isEmpty() && !fits) {
            line(indent + step, row.toString());
            row.setLength(0);
          }
          row.append(row.isEmpty() ? "" : " ").append(item);
        }
        line(indent + step, row.toString());
      }
    }

    private void line(int indent, String text) {
      out.append(text.isEmpty() ? "" : " ".repeat(indent)).append(text).append('\n');
    }
  }

  /// A C program that prints `struct field offset size` for every field, and `struct - 0 size` for
  /// every struct.
  private static String layoutProgram(Header header) {
    StringBuilder out = new StringBuilder();
    out.append("/* SPDX-License-Identifier: Apache-2.0\n");
    out.append(
        " * Generated from sinter.h by java-bindings/tools/GenerateBindings.java. Do not edit.\n");
    out.append(
        " *\n"
            + " * Prints where the C compiler puts each field, for comparison with the Java"
            + " bindings:\n");
    out.append(" * struct, field, offset, size. */\n");
    out.append("#include <stddef.h>\n#include <stdio.h>\n\n#include \"sinter.h\"\n\n");
    out.append("#define FIELD(type, field)                                             \\\n");
    out.append("  printf(#type \" \" #field \" %zu %zu\\n\", offsetof(type, field), \\\n");
    out.append("         sizeof(((type*)0)->field))\n\n");
    out.append("int main(void) {\n");
    for (Struct struct : header.all(Struct.class)) {
      if (struct.fields.isEmpty()) {
        continue;
      }
      out.append("  printf(\"" + struct.name + " - 0 %zu\\n\", sizeof(" + struct.name + "));\n");
      for (Field field : struct.fields) {
        out.append("  FIELD(" + struct.name + ", " + field.name + ");\n");
      }
    }
    return out.append("  return 0;\n}\n").toString();
  }
}
