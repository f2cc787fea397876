# SPDX-License-Identifier: Apache-2.0
# Bare `make` lists the targets. Nothing here needs more than Go, make, bash and, for a node, root on Linux.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-print-directory
export CGO_ENABLED := 0
export RHUMB_LAB_BIN := $(CURDIR)/bin/rhumb-lab
started     := $(shell date +%s)

IMAGE ?= localhost:5000/rhumb/controller:dev
N     ?= 500
# Every other module of this repository, by its folder; built with the flags of lab/build, or Kubernetes is compiled twice.
modules = $(patsubst ./%/go.mod,%,$(shell find . -mindepth 2 -name go.mod -not -path './.rhumb/*' | sort))
tool   = go tool -modfile=tools.mod
# $(call timed,what and how long it takes,commands with ; between): says it before, and the seconds after.
timed  = @echo "==> $(1)"; s=$$SECONDS; { $(2); }; echo "    done in $$((SECONDS - s)) s"

help: ## show this list
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: packages lab ## the main job on a real node: an image is pushed, runs, is pushed again, rolls
	$(call timed,building the demo (2 minutes on a cold cache), go build -o bin/rhumb-demo ./test/e2e/demo)
	@bin/rhumb-demo --started $(started)

clean-demo: ## end the demo: no process, mount, interface or file of it stays
	@test/lab-gone demo

demo-source: packages neighbours ## from git to a URL: four applications are built by kpack, deployed and answer; one is changed
	$(call timed,building the demo (2 minutes on a cold cache), go build -o bin/rhumb-demo ./test/e2e/demo)
	@bin/rhumb-demo --source --started $(started)

clean-demo-source: ## end that demo: nothing of it stays
	@test/lab-gone demo-source

demo-cloner: packages hub ## an image is copied from a Docker Hub to one's own registry, used from there, and starts when the Hub is gone
	$(call timed,building the demo (2 minutes on a cold cache), go build -o bin/rhumb-demo ./test/e2e/demo; go build -o bin/ ./cmd/rhumb)
	@bin/rhumb-demo --cloner --started $(started)

clean-demo-cloner: ## end that demo: nothing of it stays
	@test/lab-gone demo-cloner

test: lab ## all tests but journeys; one control plane without a node serves them all
	$(call timed,tests of the root module, test/with-control-plane go test -timeout 20m ./...)
	$(call timed,tests of $(modules), for m in $(modules); do go -C $$m test -trimpath ./...; done)

check: generate lab ## format, vet, lint, generated files, examples, links (builds the linter: 4 minutes cold)
	@test -z "$$(gofmt -l api cmd examples internal lab test)" || { echo "not gofmt'ed:"; gofmt -l api cmd examples internal lab test; exit 1; }
	@git diff --exit-code --stat -- api config || { echo "generated files differ: commit what 'make generate' wrote"; exit 1; }
	$(call timed,go vet, go vet ./...; go vet -tags e2e ./test/... ./internal/registry/contract ./internal/archive; for m in $(modules); do go -C $$m vet -trimpath ./...; done)
	$(call timed,golangci-lint, $(tool) golangci-lint run ./...)
	$(call timed,arrows$(comma) maps$(comma) links and examples, test/with-control-plane go test ./internal/arch ./test/examples)

e2e: packages neighbours ## journeys on a real node, the demo's story among them, the examples with Flux, Tekton and kpack, and registries with Debian's tools
	@test/packages test/bench/cloner/packages.txt
	$(call timed,copies between distribution and Debian's docker-registry$(comma) read by skopeo (2 minutes), go test -tags e2e -run 'Debian|Skopeo' -count 1 ./internal/registry/contract ./internal/archive)
	$(call timed,journeys (25 minutes), go test -tags e2e -timeout 60m -count 1 ./test/e2e)
	$(call timed,the lab's own journeys (3 minutes), go -C lab test -trimpath -tags e2e -timeout 30m -count 1 .)

bench: lab ## floor and Rhumb on two fresh control planes, as ratios (N=500; YTT=1 for a ytt template at the end; RECORD=1 adds them to docs/performance.md)
	@go run ./test/bench -n $(N) $(if $(YTT),-ytt) $(if $(RECORD),-record)

ifdef PODS
bench-cloner: lab
	@go run ./test/bench/scale -pods $(PODS) $(if $(RECORD),-record)
else
bench-cloner: ## images copied by rhumb, crane and skopeo between two docker-registry: bytes, requests, seconds, memory (RECORD=1 as above; PODS=5000: what as many pods cost the controller instead)
	@test/packages test/bench/cloner/packages.txt
	@go run ./test/bench/cloner $(if $(RECORD),-record)
endif

generate: ## deep copies and CRDs, from the Go types
	@$(tool) controller-gen object paths=./api/...
	@$(tool) controller-gen crd paths=./api/... output:stdout | go run ./config/gen

build: ## the controller and every other program of this module, into bin/
	@go build -o bin/ ./cmd/...

image: lab ## build the controller's image and push it to a registry that you may write to (IMAGE=registry/name:tag)
	@GOOS=linux go build -ldflags '-s -w' -o bin/image/rhumb-controller ./cmd/rhumb-controller
	@bin/rhumb-lab push --ref "$(IMAGE)" --binary bin/image/rhumb-controller $(addprefix --ca ,$(wildcard /etc/ssl/certs/ca-certificates.crt))

dist: ## dist/rhumb.yaml, all that a cluster needs; dist/image-cloner.yaml, the image cloner alone (IMAGE=registry/name:tag)
	@mkdir -p dist && test/manifest "$(IMAGE)" > dist/rhumb.yaml && test/manifest "$(IMAGE)" image-cloner > dist/image-cloner.yaml
	@echo "dist/rhumb.yaml and dist/image-cloner.yaml, with image $(IMAGE)"

lab: ## bin/rhumb-lab, a Kubernetes in one program, and its neighbours (8 minutes cold, seconds after)
	$(call timed,building the lab (about 8 minutes on a cold cache), lab/build)

neighbours: lab ## Flux, Tekton, kpack and Skipper, for 'rhumb-lab up --with git,flux,tekton,kpack,ingress' (8 minutes cold, seconds after)
	@test/packages lab/neighbours/packages.txt
	$(call timed,building neighbours (8 minutes on a cold cache), lab/neighbours/build)

hub: lab ## the layers of an nginx for the lab's Docker Hub, out of Debian packages (10 seconds cold, 1 after)
	$(call timed,layers of nginx:1.21.4-alpine, lab/hub/nginx)

packages: ## install the Debian packages that a node needs, where missing
	@test/packages

clean: ## end every lab under .rhumb, and remove everything that was built
	@for dir in .rhumb/*/; do [ ! -d "$$dir" ] || test/lab-gone "$$(basename "$$dir")"; done
	@rm -rf bin dist .rhumb

comma := ,
.PHONY: help demo clean-demo demo-source clean-demo-source demo-cloner clean-demo-cloner test check e2e bench bench-cloner generate build image dist lab neighbours hub packages clean
