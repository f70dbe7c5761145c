# The menu: `make` alone prints it. Recipes use relative paths only: this folder's own may hold a space.
# What is set on the command line (make up PORT_OFFSET=1000) reaches the scripts as environment.
NODE := .toolchain/bin/node
PNPM := .toolchain/bin/pnpm
IF_SET_UP := test -x $(NODE) || { echo 'Nothing is set up here yet: make setup'; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help setup demo up down status logs test test-unit test-integration test-e2e lint format api bench compare chaos load chart images clean

help: ## print this menu
	@printf 'make <target> [PORT_OFFSET=1000] [BROKERS=3]\n\n'
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '  %-18s %s\n' "$$name" "$$text"; done

setup: ## install what the project needs, into this folder
	@sh scripts/setup.sh

demo: setup ## bring the mesh up and send 20,000 real flights through it
	@$(NODE) scripts/demo/main.ts

up: setup ## start Kafka, ClickHouse and the services; ONLY=kafka,clickhouse for a part
	@$(NODE) scripts/local-stack/up.ts

down: ## stop them, keep their data
	@$(IF_SET_UP)
	@$(NODE) scripts/local-stack/down.ts

status: ## every process, its state and address; the root key
	@$(IF_SET_UP)
	@$(NODE) scripts/local-stack/status.ts

logs: ## follow the logs; SERVICE=ingest for one
	@$(IF_SET_UP)
	@$(NODE) scripts/local-stack/logs.ts

test: test-unit test-integration test-e2e ## the three tiers below, one after another

test-unit: setup ## seconds, no network
	@$(NODE) scripts/run-tests.ts unit

test-integration: setup ## against a real Kafka and a real ClickHouse
	@$(NODE) scripts/run-tests.ts integration

test-e2e: setup ## the whole mesh, the page in a browser
	@$(NODE) scripts/run-tests.ts e2e

lint: setup ## format, lint, types, dead code, the contract
	@$(PNPM) run lint

format: setup ## format and mend what can be mended
	@$(PNPM) run format

api: setup ## write what is made of the code: docs/api, docs/configuration.md, the chart's dashboards
	@$(NODE) scripts/api/main.ts
	@$(NODE) scripts/configuration/main.ts
	@$(NODE) scripts/dashboards/main.ts

bench: setup ## measure against plain baselines
	@$(NODE) scripts/bench/main.ts

compare: setup ## compare kept reports with ClickHouse and a plain computation; ROUNDS=100 SEED=5
	@ROUNDS=$(or $(ROUNDS),100) $(NODE) scripts/run-tests.ts integration cached-reports

chaos: setup ## kill and stop parts at random under load, and compare what is left; takes hours on a small machine
	@$(NODE) scripts/crash-suite/main.ts
	@$(NODE) scripts/chaos/main.ts

load: setup ## send a bounded load
	@$(NODE) scripts/load/main.ts

chart: ## check the Helm chart and the alerts; needs helm and promtool
	@sh scripts/containers/check-chart.sh

images: ## build the four images as millrace/*:dev; needs Docker
	@for service in ingest aggregator postback-delivery query; do \
		docker build --file deploy/Dockerfile --target $$service --tag millrace/$$service:$(or $(VERSION),dev) . || exit 1; done

clean: ## stop the stack and remove its state: data, logs, key
	@$(IF_SET_UP)
	@$(NODE) scripts/local-stack/clean.ts
