"""How fast each program runs the report's network and the recommended one: the same files, alternating, medians.

Each contender (`contenders`) runs in a process of its own (`worker`), prepared once, in a folder with the files of
one task (`tasks`, `material`). `rounds` lets them take turns, after it has seen that they compute the same; `result`
makes the numbers and the table. ``python -m benchmarks`` runs all.
"""
