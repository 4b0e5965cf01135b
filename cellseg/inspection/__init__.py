"""What files of Caffe's hold, as plain facts: for `cellseg inspect` and for scripts."""
