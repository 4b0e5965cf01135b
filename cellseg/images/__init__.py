"""Image files of any format as planes with axes, channels and pixel size; masks and numbered cells."""
