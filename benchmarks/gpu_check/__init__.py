"""What is to be seen on the day a GPU is there, in at most ten minutes: ``python -m benchmarks.gpu_check``.

`steps` has the steps, `run` gives each a process of its own and a time limit, `page` draws the result.
"""
