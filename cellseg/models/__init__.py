"""What a model is besides its weights, and the models that ship."""
