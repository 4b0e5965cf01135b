"""A trained model on a user's own images, of any size."""
