"""The plugin for napari: see cells, correct them, train on them. A thin layer over what the command line does, too."""
