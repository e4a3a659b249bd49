# The shortest way to run, test and see Hallmark; `make` alone says what there is.

CI_PORT ?= 5002
PRODUCTION_PORT ?= 5000
MOVING ?= $(CURDIR)/var/moving
export CI_PORT PRODUCTION_PORT MOVING

.DEFAULT_GOAL := help
.PHONY: help start test moving clean

help: ## print these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

start: ## set everything up and serve until Ctrl-C
	npm start

test: moving ## run everything: the walk of 'make moving', then every test
	npm test

moving: ## sign in a CI registry (5002), carry image and signature to production (5000), verify there
	@scripts/walk-moving.sh

clean: ## stop the registries of 'make moving' and remove all that it made
	@scripts/walk-moving.sh clean
