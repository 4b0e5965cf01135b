# The verbs of cellseg; `make` alone lists them. Variables: REAL=folder EPOCHS=60 SEED=0 BATCH=10 ENGINE=auto

EPOCHS ?= 60
SEED ?= 0
BATCH ?= 10
ENGINE ?= auto
REAL ?=
RGB ?= refuse
NORMALISATION ?= percentile
export CAFFE_MIRROR

# Real Caffe where `make caffe` has put it, else the embedded engine; ENGINE= chooses.
REAL_CAFFE = $(if $(filter caffe,$(ENGINE))$(and $(filter auto,$(ENGINE)),$(wildcard .caffe/bin/python)),yes)
PYTHON = $(if $(REAL_CAFFE),.caffe,.venv)/bin/python
READY = $(if $(REAL_CAFFE),.caffe/bin/python,.venv/made)
TRAINING = --epochs $(EPOCHS) --batch $(BATCH) --seed $(SEED) --engine $(ENGINE)
TARGET = runs/data/$(if $(REAL),real,stand-in)
PRETRAINED = runs/pretrain/pretrain.caffemodel
FINETUNED = runs/finetune/finetune.caffemodel
EVALUATE = $(PYTHON) tools/evaluate.py --engine $(ENGINE)

.DEFAULT_GOAL := help
.PHONY: help caffe venv prototxt data data-simulated data-target pretrain finetune before after table reproduce test bench format

help: ## list the verbs
	@echo "make VERB [REAL=folder] [EPOCHS=60] [SEED=0] [BATCH=10] [ENGINE=auto|caffe|torch|torch-bf16]"
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' Makefile | expand -t 14

caffe: ## put real Caffe 1.0 with pycaffe into .caffe/ (amd64 Linux with apt; no root)
	@bash tools/make_caffe.sh

venv: .venv/made ## put current libraries and PyTorch, the embedded engine's, into .venv/ with pip

.caffe/bin/python:
	@bash tools/make_caffe.sh

.venv/made: requirements.lock
	@bash tools/make_venv.sh

prototxt: $(READY) ## write the networks and solvers of the report into prototxt/ and solvers/
	@$(PYTHON) tools/make_prototxt.py --epochs $(EPOCHS) --batch $(BATCH) --seed $(SEED)

data: data-target data-simulated ## make the simulated and the real (or stand-in) data set

data-simulated: $(READY)
	@$(PYTHON) tools/make_data.py simulated --out runs/data/simulated --seed $(SEED) --normalisation $(NORMALISATION)

data-target: $(READY)
	@$(PYTHON) tools/make_data.py $(if $(REAL),real --real "$(REAL)" --rgb $(RGB),stand-in) --out $(TARGET) \
	    --seed $(SEED) --normalisation $(NORMALISATION)

pretrain: data-simulated ## train on simulated cells
	@$(PYTHON) tools/train.py pretrain $(TRAINING)

$(PRETRAINED):
	@test ! -e runs/pretrain/run.json || { echo "runs/pretrain is not finished; resume it or make pretrain" >&2; exit 2; }
	@$(MAKE) --no-print-directory pretrain

finetune: data-target $(PRETRAINED) ## train on real images: REAL=folder holding {train,test}/{images,masks}
	@$(PYTHON) tools/train.py finetune --data $(TARGET) --weights $(PRETRAINED) $(TRAINING)

before: data-target $(PRETRAINED) ## evaluate the pretrained network on the real (or stand-in) test images
	@$(EVALUATE) $(PRETRAINED) --data $(TARGET)/test.txt --out runs/pretrain/before

after: $(READY) ## evaluate the fine-tuned network, also at the threshold that is best on the training images
	@$(EVALUATE) $(FINETUNED) --split train --out runs/finetune/chosen >/dev/null
	@$(EVALUATE) $(FINETUNED) --threshold runs/finetune/chosen/evaluation.json --out runs/finetune/honest >/dev/null
	@$(EVALUATE) $(FINETUNED)

table: ## print the report's Table 1 with our rows below its own
	@$(PYTHON) tools/table.py runs/pretrain/before/evaluation.json runs/finetune/evaluation.json \
	    --honest runs/finetune/honest/evaluation.json --out runs/table1.md

reproduce: ## the whole report: data, pretrain, before, finetune, after, table
	@for verb in data pretrain before finetune after table; do echo; $(MAKE) --no-print-directory $$verb || exit 2; done

test: .caffe/bin/python .venv/bench ## lint, and all tests: with current libraries, and on real Caffe
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@.venv/bin/python -m pytest -q -m "not caffe"
	@.caffe/bin/python -m pytest -q

bench: .venv/bench ## measure the engine's speed beside real Caffe, plain PyTorch, ONNX Runtime and OpenCV
	@.venv/bin/python tools/benchmark.py $(if $(MCC),--mcc $(MCC))

.venv/bench: requirements-bench.lock .venv/made
	@.venv/bin/python -m pip -q --disable-pip-version-check install -c requirements.lock -r requirements-bench.lock
	@touch $@

format: .venv/made ## format the code
	@.venv/bin/ruff check -q --fix . ; .venv/bin/ruff format .
