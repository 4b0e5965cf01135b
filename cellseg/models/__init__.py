"""What a model is besides its weights."""
