"""List the models that come with cellseg, or print the card of one.

    cellseg models            name, what it is, size, median diameter of its cells, recipe, scores
    cellseg models nuclei     its card: data and licence, training, scores, what it is for and what not

A name stands wherever a model is asked for: `cellseg segment images/ --out results --model nuclei`.
"""

from cellseg.errors import CellsegError


def add_arguments(parser):
    """Add the verb's options."""
    parser.add_argument("name", nargs="?", help="of a model, to print its card")


def run(arguments):
    """List the models, or print a card."""
    from cellseg.models.shipped import find_shipped, shipped_models

    models = shipped_models()
    if arguments.name:
        model = find_shipped(arguments.name)
        if model is None:
            names = ", ".join(one.name for one in models) or "none"
            raise CellsegError(f"no model that comes with cellseg is called '{arguments.name}'; there are: {names}")
        print(model.card.rstrip())
        return
    if not models:
        print("no model comes with this cellseg; train one: make reproduce REAL=real55 RECIPE=best")
    width = max((len(model.name) for model in models), default=0)
    for model in models:
        print(f"{model.name:{width}}  {model.about}")
        for line in _facts(model):
            print(f"{'':{width}}  {line}")


def _facts(model):
    settings = model.settings
    facts = [f"{model.weights.stat().st_size / 1e6:.1f} MB"]
    if settings.diameter:
        facts.append(f"cells of {settings.diameter:g} pixels (median diameter)")
    if settings.recipe:
        facts.append(f"recipe {settings.recipe}")
    yield ", ".join(facts)
    for name, score in (settings.scores or {}).items():
        yield f"{name}: {score:.3f}"
