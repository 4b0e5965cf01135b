# The verbs of cellseg, a line each; `make` alone lists them. Variables: REAL=folder (or real55) RECIPE=report EPOCHS= SEED=0 ENGINE=auto,
# and those of `cellseg experiment --help` in capitals. No shell and no `make` reads their values: they reach the command as
# they are, in the environment, REAL as CELLSEG_REAL.

GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
$(foreach name,$(GIVEN),$(if $(findstring $$,$(name)),$(error $(name): no variable has such a name)))
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name)))$(eval export $(name)))
VARIABLES = REAL RGB RECIPE PRETRAINING WEIGHTS NORMALISATION AUGMENTATION EPOCHS BATCH SEED ENGINE VARIANT RUNS SEEDS FOLDS NAME
$(foreach name,$(VARIABLES),$(eval export CELLSEG_$(name) := $$(value $(name))))
export CAFFE_MIRROR GIVEN

# The image of docker/ names its one Python, which has real Caffe and current libraries, in CELLSEG_PYTHON.
export PYTHON = $(or $(value CELLSEG_PYTHON),.venv/bin/python)
READY = $(if $(value CELLSEG_PYTHON),,.venv/made $(if $(filter caffe,$(CELLSEG_ENGINE)),.caffe/bin/python))
EXPERIMENT = @"$$PYTHON" -m cellseg experiment

.DEFAULT_GOAL := help
.PHONY: help caffe venv prototxt real55 fields data pretrain finetune before after table report experiment reproduce \
    seeds crossvalidate ablation lint check test fuzz kills docs bench gpu-check format image image-check image-lint image-vendor

help: ## list the verbs
	@echo "make VERB [REAL=folder] [RECIPE=report|best|unet|cells] [WEIGHTS=] [EPOCHS=] [SEED=0] [BATCH=10] [ENGINE=auto|torch|torch-bf16|torch-tf32|caffe]"
	@sed -nE 's/^([a-z0-9% -]+):.*## (.*)/  \1\t\2/p' Makefile | expand -t 16

caffe: ## put real Caffe 1.0 with pycaffe into .caffe/ (amd64 Linux with apt; no root)
	@bash tools/make_caffe.sh

venv: .venv/made ## put current libraries and PyTorch, the embedded engine's, into .venv/ with pip

.caffe/bin/python:
	@bash tools/make_caffe.sh

.venv/made: requirements.lock requirements-torch.lock
	@bash tools/make_venv.sh

prototxt: $(READY) ## write the networks and solvers of the recipe into prototxt/ and solvers/
	@"$$PYTHON" -m cellseg prototxt --from-make

real55 fields: $(READY) ## fetch a public data set into runs/public/; REAL=real55 and REAL=fields do so, too
	@"$$PYTHON" -m cellseg fetch $@

data: $(READY) ## make the simulated and the real (or stand-in) data set
	$(EXPERIMENT) data --from-make

pretrain: $(READY) ## train on simulated cells (PRETRAINING=simulated or tuned; the recipe's)
	$(EXPERIMENT) pretrain --from-make

finetune: $(READY) ## train on real images: REAL=folder holding {train,test}/{images,masks}; WEIGHTS=nuclei to start from a model
	$(EXPERIMENT) finetune --from-make

before: $(READY) ## evaluate the pretrained network on the simulated and on the real (or stand-in) test images
	$(EXPERIMENT) before --from-make

after: $(READY) ## evaluate the fine-tuned network, also with everything chosen on the training images
	$(EXPERIMENT) after --from-make

table: $(READY) ## print the report's Table 1 with our rows below its own
	$(EXPERIMENT) table --from-make

report: $(READY) ## write the illustrated report of all finished runs: runs/report/report.html
	@"$$PYTHON" -m cellseg report

experiment: $(READY) ## data, training, evaluation and table of one experiment, without the illustrated report
	$(EXPERIMENT) --from-make

reproduce: $(READY) ## the whole report: data, pretrain, before, finetune, after, table, report
	$(EXPERIMENT) reproduce --from-make

seeds: $(READY) ## the same with several seeds: SEEDS="0 1 2"
	$(EXPERIMENT) seeds --from-make

crossvalidate: $(READY) ## judge a recipe on the training images alone: REAL=folder RECIPE= FOLDS=5 [NAME=]
	$(EXPERIMENT) crossvalidate --from-make

ablation: $(READY) ## train what the report suggests: fewer poolings, larger kernels, more feature maps; SEEDS="0 1 2" EPOCHS=
	$(EXPERIMENT) ablation --from-make

image: ## build the image of docker/: real Caffe for GPUs, or VARIANT=cpu; with Docker, Podman or Buildah (docs/docker.md)
	@bash docker/build.sh "$$CELLSEG_VARIANT"

docker-%: override export CELLSEG_VERB = $*
docker-%: ## any verb inside the image, on a GPU where there is one: make docker-pretrain REAL=folder
	@bash docker/run.sh

image-check: .venv/made ## build both images here, and test what is in them: long
	@bash docker/check.sh

image-vendor: .venv/made ## put Caffe's sources and the Python packages of the image into docker/vendor/ (docs/docker.md)
	@bash docker/vendor.sh

image-lint: .venv/made ## check the Dockerfile, and that the packages it names are in the archives
	@bash docker/lint.sh

lint: .venv/made ## lint and types alone, which check and test begin with
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

check: lint ## lint, types, and the tests that need neither real Caffe nor apt nor a browser nor napari: a few minutes, anywhere
	@.venv/bin/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not caffe and not parity and not apt and not browser and not napari"

test: .caffe/bin/python .venv/bench .venv/napari lint ## all of it, also what needs real Caffe
	@.venv/bin/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

fuzz: .venv/made ## damaged files of every format, as many as a search needs: an hour or more
	@CELLSEG_FUZZ=1 .venv/bin/python -m pytest -q -s tests/fuzz/test_fuzz.py tests/engine/test_engine_weights_fuzz.py \
	    tests/engine/torch_engine/test_engine_hdf5_fuzz.py

kills: .venv/made ## 100 kills of all verbs, each run again: ten minutes or more
	@CELLSEG_FUZZ=1 .venv/bin/python -m pytest -q -s tests/fuzz/test_fuzz_kills.py tests/training/test_training_processes.py

docs: .venv/docs ## build the documentation as a site into site/; no broken link
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build -q --strict

.venv/docs: requirements-docs.lock .venv/made
	@.venv/bin/python -m pip -q --disable-pip-version-check install --no-compile -r requirements-docs.lock
	@touch $@

bench: .venv/bench ## measure the engine's speed beside real Caffe, plain PyTorch, ONNX Runtime and OpenCV
	@.venv/bin/python -m benchmarks $${MCC:+--mcc $$MCC}

gpu-check: .venv/bench ## try on a GPU, in ten minutes, what needs one; without one, rehearse it: runs/gpu-check/gpu_check.html
	@.venv/bin/python -m benchmarks.gpu_check $${REAL_CAFFE:+--caffe}

.venv/bench: requirements-bench.lock .venv/made
	@.venv/bin/python -m pip -q --disable-pip-version-check install --no-compile --no-deps --require-hashes -r requirements-bench.lock
	@touch $@

.venv/napari: requirements-napari.lock .venv/made
	@bash tools/make_napari.sh

format: .venv/made ## format the code
	@.venv/bin/ruff check -q --fix . ; .venv/bin/ruff format .
