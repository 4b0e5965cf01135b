"""How the page calls recipes and the changes of their networks."""

from cellseg.recipes import RECIPES


def name_of(group):
    """How a sentence calls a group's recipe, with what differs in its network from the recipe's own."""
    recipe = {"report": "the report's recipe", "unet": "the plain U-Net"}.get(
        group.recipe, f"the recipe {group.recipe}"
    )
    changed = _changes(group)
    return f"{recipe} ({changed})" if changed else recipe


def change_of(group):
    """A change that was tried, in words: its name, and what in the network differs from the report's."""
    if group.ablation in (None, "report"):
        return "the report's network"
    changed = _changes(group)
    return f"{group.ablation} ({changed})" if changed else group.ablation


def _changes(group):
    """What differs from the recipe's own network, in words; empty if nothing does."""
    recipe, network = RECIPES.get(group.recipe), group.network
    own = recipe.network if recipe and isinstance(network, type(recipe.network)) else type(network)()
    values = group.first.last.variant.items()
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in values if value != getattr(own, key, value))
