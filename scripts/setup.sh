#!/bin/sh
# Installs everything the project needs beyond a shell, Node 20+, Java 17+ and Maven, into this
# folder only: Node 24 and pnpm (.toolchain/), the dependencies (node_modules/), Kafka's jars, the
# Kafka client's addon; and builds the console's page. Each step is skipped while its inputs' hash
# equals its stamp's.
set -eu

cd "$(dirname "$0")/.."
. scripts/toolchain/shell-functions.sh
# A jobserver of the calling make must not reach the makes that run below it.
unset MAKEFLAGS MFLAGS MAKELEVEL 2>/dev/null || true

mkdir -p .toolchain/stamps .toolchain/bin .millrace/logs
log_file=.millrace/logs/setup.log

toolchain_hash=$(hash_of scripts/toolchain/package.json scripts/toolchain/package-lock.json)
dependencies_hash() {
  hash_of package.json pnpm-lock.yaml pnpm-workspace.yaml .npmrc scripts/toolchain/package-lock.json \
    proto/package.json scripts/package.json packages/*/package.json services/*/package.json \
    services/query/console/package.json examples/*/package.json
}
kafka_hash=$(hash_of scripts/kafka/pom.xml scripts/toolchain/archive-kafka-classes.ts)

everything_installed() {
  stamped toolchain "$toolchain_hash" && [ -x .toolchain/bin/node ] && [ -x .toolchain/bin/pnpm ] &&
    stamped dependencies "$(dependencies_hash)" && [ -e node_modules/.modules.yaml ] &&
    stamped kafka "$kafka_hash" && [ -d .toolchain/kafka ] &&
    [ -s .toolchain/stamps/addon ] && [ -e "$(cat .toolchain/stamps/addon)" ]
}

# The console's page follows its sources, which change more often than anything that is installed.
build_console() { .toolchain/bin/node scripts/toolchain/build-console.ts; }

if everything_installed && build_console; then exit 0; fi
hold_lock .toolchain/setup.lock
if everything_installed && build_console; then exit 0; fi

check_requirements
: >"$log_file"

if ! stamped toolchain "$toolchain_hash" || [ ! -x .toolchain/bin/node ]; then
  run_step "Installing Node 24 and pnpm" install_toolchain
  stamp toolchain "$toolchain_hash"
fi

if ! stamped dependencies "$(dependencies_hash)" || [ ! -e node_modules/.modules.yaml ]; then
  run_step "Installing the dependencies" .toolchain/bin/pnpm install --config.confirmModulesPurge=false
  stamp dependencies "$(dependencies_hash)"
fi

if ! stamped kafka "$kafka_hash" || [ ! -d .toolchain/kafka ]; then
  run_step "Fetching Kafka and trying it once" install_kafka
  stamp kafka "$kafka_hash"
fi

.toolchain/bin/node scripts/toolchain/install-kafka-addon.ts "$log_file" .toolchain/stamps/addon
run_step "Building the console" build_console
say "Set-up is complete."
