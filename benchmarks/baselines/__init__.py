"""Other programs that count cells, trained from nothing on the same images and judged in the same way."""
