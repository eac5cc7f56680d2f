# Read by ../sinter and the scripts in ../.ci: find_jdk MINIMUM prints the home of a Java of at
# least that version, or nothing.

# The feature version of the Java at $1, as a number; empty if there is none.
java_version() {
  [ -x "$1/bin/java" ] || return 0
  version=
  if [ -r "$1/release" ]; then
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release")
  fi
  if [ -z "$version" ]; then
    version=$("$1/bin/java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
  fi
  echo "$version"
}

# Every folder that may be the home of a Java, one a line, in order of preference.
java_candidates() {
  echo "${JAVA_HOME-}"
  if command -v java >/dev/null 2>&1; then
    dirname "$(dirname "$(readlink -f "$(command -v java)")")"
  fi
  env | sed -n -e 's/^JAVA_HOME_[0-9][A-Za-z0-9_]*=//p' -e 's/^JAVA[0-9][0-9]*_HOME=//p' \
    -e 's/^JDK_*[0-9][0-9]*\(_HOME\)*=//p' -e 's/^JDK_HOME=//p'
  for folder in /usr/lib/jvm/* /usr/java/* /usr/local/java/* /opt/java/* /opt/jdk* \
    "${HOME-}"/.sdkman/candidates/java/* "${HOME-}"/.jdks/* "${HOME-}"/.jenv/versions/* \
    "${HOME-}"/.asdf/installs/java/* "${HOME-}"/.local/share/mise/installs/java/*; do
    echo "$folder"
  done
}

find_jdk() {
  java_candidates | while IFS= read -r home; do
    [ -n "$home" ] || continue
    version=$(java_version "$home")
    if [ -n "$version" ] && [ "$version" -ge "$1" ]; then
      echo "$home"
      break
    fi
  done
}

# Where find_jdk looks and what to do when it finds nothing.
jdk_advice() {
  echo "No JDK $1 or newer was found (looked at JAVA_HOME, PATH, JAVA_HOME_<n>, /usr/lib/jvm," \
    "~/.sdkman, ~/.jdks). Install one, for example Temurin $1 from https://adoptium.net," \
    "or set JAVA_HOME to it."
}
