# The verbs of cellseg; `make` alone lists them. Variables: REAL=folder RECIPE=report EPOCHS= SEED=0 BATCH=10 ENGINE=auto

RECIPE ?= report
EPOCHS ?=
SEED ?= 0
SEEDS ?= 0 1 2
BATCH ?= 10
ENGINE ?= auto
REAL ?=
RGB ?= refuse
NORMALISATION ?=
VARIANT ?=
AUGMENTATION ?=
FOLDS ?= 5
NAME ?= $(RECIPE)
export CAFFE_MIRROR

# Real Caffe where `make caffe` has put it, else the embedded engine; ENGINE= chooses. The image of docker/ names its one
# Python, which has real Caffe and current libraries, in CELLSEG_PYTHON.
REAL_CAFFE = $(if $(filter caffe,$(ENGINE))$(and $(filter auto,$(ENGINE)),$(wildcard .caffe/bin/python)),yes)
PYTHON = $(or $(CELLSEG_PYTHON),$(if $(REAL_CAFFE),.caffe,.venv)/bin/python)
READY = $(if $(CELLSEG_PYTHON),,$(if $(REAL_CAFFE),.caffe/bin/python,.venv/made))

# An experiment folder holds data, both stages and what they are worth: runs, runs/best, runs/seed-1, ...
RUNS ?= runs$(if $(filter report,$(RECIPE)),,/$(RECIPE))
PRETRAINING ?= $(if $(filter report,$(RECIPE)),simulated)
TARGET = $(RUNS)/data/$(if $(REAL),real,stand-in)
PRETRAINED = $(if $(PRETRAINING),$(RUNS)/pretrain/pretrain.caffemodel)
FINETUNED = $(RUNS)/finetune/finetune.caffemodel
TRAINING = --recipe $(RECIPE) $(if $(EPOCHS),--epochs $(EPOCHS)) --batch $(BATCH) --seed $(SEED) --engine $(ENGINE) $(VARIANT)
DATA = --recipe $(RECIPE) --seed $(SEED) $(if $(NORMALISATION),--normalisation $(NORMALISATION))
EVALUATE = $(PYTHON) tools/evaluate.py --engine $(ENGINE)

.DEFAULT_GOAL := help
.PHONY: help caffe venv prototxt data data-simulated data-target pretrain finetune before after table report experiment reproduce \
    seeds crossvalidate ablation test docs bench format image image-check image-lint image-vendor

help: ## list the verbs
	@echo "make VERB [REAL=folder] [RECIPE=report|best|unet] [EPOCHS=] [SEED=0] [BATCH=10] [ENGINE=auto|caffe|torch|torch-bf16]"
	@sed -nE 's/^([a-z%-]+):.*## (.*)/  \1\t\2/p' Makefile | expand -t 14

caffe: ## put real Caffe 1.0 with pycaffe into .caffe/ (amd64 Linux with apt; no root)
	@bash tools/make_caffe.sh

venv: .venv/made ## put current libraries and PyTorch, the embedded engine's, into .venv/ with pip

.caffe/bin/python:
	@bash tools/make_caffe.sh

.venv/made: requirements.lock
	@bash tools/make_venv.sh

prototxt: $(READY) ## write the networks and solvers of the recipe into prototxt/ and solvers/
	@$(PYTHON) tools/make_prototxt.py --recipe $(RECIPE) $(if $(EPOCHS),--epochs $(EPOCHS)) --batch $(BATCH) --seed $(SEED) $(VARIANT)

data: data-target $(if $(PRETRAINING),data-simulated) ## make the simulated and the real (or stand-in) data set

data-simulated: $(READY)
	@$(PYTHON) tools/make_data.py $(PRETRAINING) $(if $(and $(REAL),$(filter tuned,$(PRETRAINING))),--real "$(REAL)" --rgb $(RGB)) \
	    --out $(RUNS)/data/$(PRETRAINING) $(DATA)

data-target: $(READY)
	@$(PYTHON) tools/make_data.py $(if $(REAL),real --real "$(REAL)" --rgb $(RGB),stand-in) --out $(TARGET) $(DATA) \
	    $(AUGMENTATION)

pretrain: $(if $(PRETRAINING),data-simulated,$(READY)) ## train on simulated cells (PRETRAINING=simulated or tuned; the recipe's)
	@$(PYTHON) tools/train.py pretrain $(addprefix --data $(RUNS)/data/,$(PRETRAINING)) --out $(RUNS)/pretrain $(TRAINING)

$(RUNS)/pretrain/pretrain.caffemodel:
	@test ! -e $(RUNS)/pretrain/run.json || { echo "$(RUNS)/pretrain is not finished; resume it or make pretrain" >&2; exit 2; }
	@$(MAKE) --no-print-directory pretrain

finetune: data-target $(PRETRAINED) ## train on real images: REAL=folder holding {train,test}/{images,masks}
	@$(PYTHON) tools/train.py finetune --data $(TARGET) --out $(RUNS)/finetune $(addprefix --weights ,$(PRETRAINED)) $(TRAINING)

before: data-target $(PRETRAINED) ## evaluate the pretrained network on the simulated and on the real (or stand-in) test images
	@$(EVALUATE) $(PRETRAINED) --out $(RUNS)/pretrain/simulated >/dev/null
	@$(EVALUATE) $(PRETRAINED) --data $(TARGET)/test.txt --out $(RUNS)/pretrain/before

after: $(READY) ## evaluate the fine-tuned network, also with everything chosen on the training images
	@$(EVALUATE) $(FINETUNED) --split train --out $(RUNS)/finetune/chosen >/dev/null
	@$(EVALUATE) $(FINETUNED) --threshold $(RUNS)/finetune/chosen/evaluation.json --out $(RUNS)/finetune/honest >/dev/null
	@$(EVALUATE) $(FINETUNED)

table: ## print the report's Table 1 with our rows below its own
	@$(PYTHON) tools/table.py $(if $(PRETRAINED),$(RUNS)/pretrain/before/evaluation.json) $(RUNS)/finetune/evaluation.json \
	    --honest $(RUNS)/finetune/honest/evaluation.json --out $(RUNS)/table1.md

report: $(if $(CELLSEG_PYTHON),,.venv/made) ## write the illustrated report of all finished runs: runs/report/report.html
	@$(or $(CELLSEG_PYTHON),.venv/bin/python) tools/report.py runs

experiment: ## data, training, evaluation and table of one experiment, without the illustrated report
	@for verb in data $(if $(PRETRAINING),pretrain before) finetune after table; do echo; $(MAKE) --no-print-directory $$verb || exit 2; done

reproduce: experiment ## the whole report: data, pretrain, before, finetune, after, table, report
	@echo; $(MAKE) --no-print-directory report

seeds: ## the same with several seeds: SEEDS="0 1 2"
	@for seed in $(SEEDS); do folder=$(RUNS); [ $$seed = 0 ] || folder=$(RUNS)/seed-$$seed; echo; echo "seed $$seed:"; \
	    $(MAKE) --no-print-directory experiment SEED=$$seed RUNS=$$folder || exit 2; done
	@echo; $(MAKE) --no-print-directory report

crossvalidate: $(READY) ## judge a recipe on the training images alone: REAL=folder RECIPE= FOLDS=5 [NAME=]
	@$(PYTHON) tools/crossvalidate.py split "$(REAL)" --folds $(FOLDS) --rgb $(RGB) --out runs/folds-$(FOLDS)
	@for fold in $$(seq 0 $$(($(FOLDS) - 1))); do $(MAKE) --no-print-directory experiment REAL=runs/folds-$(FOLDS)/fold-$$fold \
	    RUNS=runs/crossvalidation/$(NAME)/fold-$$fold || exit 2; done
	@echo; $(PYTHON) tools/crossvalidate.py pool runs/crossvalidation/$(NAME)/fold-*/finetune/evaluation.json

# What the report's section 7.2 suggests, each beside the report's own network with the same budget and seeds.
ABLATION = report= poolings-2=--poolings:2 kernel-5=--kernel:5 features-48=--features:48
ablation: ## train what the report suggests: fewer poolings, larger kernels, more feature maps; SEEDS="0 1 2" EPOCHS=
	@for item in $(ABLATION); do for seed in $(SEEDS); do folder=runs/ablation/$${item%%=*}; \
	    [ $$seed = 0 ] || folder=$$folder/seed-$$seed; echo; echo "$$folder:"; \
	    $(MAKE) --no-print-directory experiment RECIPE=report SEED=$$seed RUNS=$$folder \
	        VARIANT="$$(echo "$${item#*=}" | tr : ' ')" || exit 2; done; done
	@echo; $(MAKE) --no-print-directory report

image: ## build the image of docker/: real Caffe for GPUs, or VARIANT=cpu; with Docker, Podman or Buildah (docs/docker.md)
	@bash docker/build.sh $(VARIANT)

docker-%: ## any verb inside the image, on a GPU where there is one: make docker-pretrain REAL=folder
	@bash docker/run.sh $* $(MAKEOVERRIDES)

image-check: .venv/made ## build both images here, and test what is in them: long
	@bash docker/check.sh

image-vendor: .venv/made
	@bash docker/vendor.sh

image-lint: .venv/made ## check the Dockerfile, and that the packages it names are in the archives
	@bash docker/lint.sh

test: .caffe/bin/python .venv/bench ## lint, and all tests: with current libraries, and on real Caffe
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@.venv/bin/python -m pytest -q -m "not caffe"
	@.caffe/bin/python -m pytest -q

docs: .venv/docs ## build the documentation as a site into site/; no broken link
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build -q --strict

.venv/docs: requirements-docs.lock .venv/made
	@.venv/bin/python -m pip -q --disable-pip-version-check install -r requirements-docs.lock
	@touch $@

bench: .venv/bench ## measure the engine's speed beside real Caffe, plain PyTorch, ONNX Runtime and OpenCV
	@.venv/bin/python tools/benchmark.py $(if $(MCC),--mcc $(MCC))

.venv/bench: requirements-bench.lock .venv/made
	@.venv/bin/python -m pip -q --disable-pip-version-check install -c requirements.lock -r requirements-bench.lock
	@touch $@

format: .venv/made ## format the code
	@.venv/bin/ruff check -q --fix . ; .venv/bin/ruff format .
