#!/bin/sh
# Lays out one service as its image has it, in /out: install-production.sh SERVICE. Runs in deploy/Dockerfile.
set -eu
service=$1

.toolchain/bin/pnpm install --prod --frozen-lockfile --ignore-scripts --prefer-offline --filter "@millrace/$service..."

# The addon, in place of the sources that it was built from.
client=$(echo node_modules/.pnpm/@confluentinc+kafka-javascript@*/node_modules/@confluentinc/kafka-javascript)
rm -rf "$client/deps" "$client/src" "$client/build" "$client/docs" "$client/test"
cp -r addon/build "$client/build"
# Nobody installs or debugs anything in an image.
find node_modules -type f \( -name '*.map' -o -name '*.md' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete
rm -rf node_modules/.pnpm/@mapbox+node-pre-gyp@*/node_modules/@mapbox/node-pre-gyp/contrib

mkdir -p /out/packages /out/services
cp -r package.json node_modules proto /out/
cp -r packages/catalog packages/service-kit /out/packages/
cp -r "services/$service" /out/services/
cp deploy/healthcheck.ts /out/
rm -rf /out/packages/*/test "/out/services/$service/test"
find /out -name '*.tsbuildinfo' -delete

# It loads, or there is no image.
cd /out
node --input-type=module -e "await import('/out/services/$service/src/service.ts'); await import('/out/packages/service-kit/src/kafka-producer.ts')"
