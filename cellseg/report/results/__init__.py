"""The page over a folder of results of ``cellseg segment``."""
