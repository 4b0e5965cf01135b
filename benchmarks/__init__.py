"""How fast each program runs the report's network: the same files, alternating, medians.

Each contender (`contenders`) runs in a worker process of its own (`worker`, `process`), prepared once, in a folder that
holds the files of one task (`tasks`, `material`). `rounds` lets them take turns, after it has seen that they compute
the same; `result` makes the numbers and the table.
"""
