.DEFAULT_GOAL := help
.PHONY: help run worker demo admin test check bench chaos fuzz prove quality wer

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start everything on this machine (ARGS="--data-dir DIR --port 8001")
	@scripts/venv.sh && exec .venv/bin/python -m scripts.run $(ARGS)

worker: ## start a transcription worker (needs REDIS_URL and MONGODB_URI)
	@scripts/venv.sh && exec scripts/worker.sh $(ARGS)

demo: ## a five-question interview against the running service, or one it starts
	@scripts/venv.sh && exec .venv/bin/python -m scripts.demo $(ARGS)

admin: ## failed answers, the queue, erasing, exporting (ARGS="list --status failed", ARGS="--help")
	@scripts/venv.sh && exec .venv/bin/python -m scripts.admin $(ARGS)

test: ## every test, with coverage (ARGS="tests/unit -k lease")
	@exec scripts/test.sh $(ARGS)

check: ## format, lint, types, import rules
	@exec scripts/check.sh

bench: ## the benchmarks, with the machine and the load they ran on
	@scripts/venv.sh requirements-dev.txt && exec .venv/bin/python -m scripts.bench $(ARGS)

chaos: ## kill and starve every part while interviews go on (CHAOS_MINUTES=5, CHAOS_SEED)
	@scripts/venv.sh requirements-dev.txt && exec .venv/bin/python -m scripts.chaos $(ARGS)

fuzz: ## hostile requests and damaged recordings (FUZZ_MINUTES=3, FUZZ_FILES=5000, FUZZ_SEED)
	@scripts/venv.sh requirements-dev.txt && exec .venv/bin/python -m scripts.fuzz $(ARGS)

prove: ## every row of docs/reliability.md at its full count, an hour or more (ARGS="--only sigkill --count 10")
	@scripts/venv.sh requirements-dev.txt && exec .venv/bin/python -m scripts.prove $(ARGS)

quality: ## how well it hears: rates, word times, silence, certainty, to docs/quality.md (ARGS="--only words --quick")
	@scripts/venv.sh requirements-dev.txt && exec .venv/bin/python -m scripts.quality $(ARGS)

wer: ## word error rates by model and language, of the transcripts that people have corrected (ARGS="--json")
	@scripts/venv.sh && exec .venv/bin/python -m scripts.wer $(ARGS)
