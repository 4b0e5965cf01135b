"""A trained model for other programs: an ONNX file, and a package in the format of the BioImage Model Zoo."""
