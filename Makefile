# Everything is in bootstrap.py, which also works where make is missing: python3 bootstrap.py demo
PYTHON ?= python3
VERBS := demo demo-once test faults faults-quick bench bench-quick bench-scale screenshots soak mapping-score lint format check clean-demo sandbox fidelity lock

.PHONY: $(VERBS)
.DEFAULT_GOAL := demo

# make test ARGS="-k journal", make demo-once ARGS="--entries 200 --json out.json"
$(VERBS):
	@$(PYTHON) bootstrap.py $@ $(ARGS)
