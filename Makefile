# The verbs of cellseg; `make` alone lists them. Variables: REAL=folder EPOCHS=60 SEED=0 BATCH=10 ENGINE=auto

EPOCHS ?= 60
SEED ?= 0
BATCH ?= 10
ENGINE ?= auto
REAL ?=
RGB ?= refuse
NORMALISATION ?= percentile
export CAFFE_MIRROR

PYTHON ?= .caffe/bin/python
TRAINING = --epochs $(EPOCHS) --batch $(BATCH) --seed $(SEED) --engine $(ENGINE)
TARGET = runs/data/$(if $(REAL),real,stand-in)
PRETRAINED = runs/pretrain/pretrain.caffemodel
FINETUNED = runs/finetune/finetune.caffemodel
EVALUATE = $(PYTHON) tools/evaluate.py --engine $(ENGINE)

.DEFAULT_GOAL := help
.PHONY: help caffe prototxt data data-simulated data-target pretrain finetune before after reproduce test lint format clean

help: ## list the verbs
	@echo "make VERB [REAL=folder] [EPOCHS=60] [SEED=0] [BATCH=10] [ENGINE=auto]"
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 14

caffe: ## put real Caffe 1.0 with pycaffe into .caffe/ (amd64 Linux with apt; no root)
	@bash tools/make_caffe.sh

prototxt: ## write the networks and solvers of the report
	@python3 tools/make_prototxt.py

data: data-simulated data-target ## make the simulated and the real (or stand-in) data set

data-simulated: caffe
	@$(PYTHON) tools/make_data.py simulated --out runs/data/simulated --seed $(SEED) --normalisation $(NORMALISATION)

data-target: caffe
	@$(PYTHON) tools/make_data.py $(if $(REAL),real --real "$(REAL)" --rgb $(RGB),stand-in --seed $(SEED)) --out $(TARGET) \
	    --normalisation $(NORMALISATION)

pretrain: data-simulated ## train on simulated cells
	@$(PYTHON) tools/train.py pretrain $(TRAINING)

finetune: data-target ## train on real images: REAL=folder {train,test}/{images,masks}
	@$(PYTHON) tools/train.py finetune --data $(TARGET) --weights $(PRETRAINED) $(TRAINING)

before: data-target
	@$(EVALUATE) $(PRETRAINED) --data $(TARGET)/test.txt --out runs/evaluation/before

after: data-target
	@$(EVALUATE) $(FINETUNED) --data $(TARGET)/train.txt --out runs/evaluation/train >/dev/null
	@$(EVALUATE) $(FINETUNED) --data $(TARGET)/test.txt --out runs/evaluation/honest \
	    --threshold runs/evaluation/train/evaluation.json >/dev/null
	@$(EVALUATE) $(FINETUNED) --data $(TARGET)/test.txt --out runs/evaluation/after

reproduce: ## the whole report: data, pretrain, evaluate, finetune, evaluate, Table 1
	@$(MAKE) --no-print-directory data
	@$(MAKE) --no-print-directory pretrain
	@$(MAKE) --no-print-directory before
	@$(MAKE) --no-print-directory finetune
	@$(MAKE) --no-print-directory after
	@echo
	@$(PYTHON) tools/table.py runs/evaluation/before/evaluation.json runs/evaluation/after/evaluation.json \
	    --honest runs/evaluation/honest/evaluation.json --out runs/table1.md
