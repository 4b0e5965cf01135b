"""A model on an image: grey-value scale, orientations, windows, maps."""
