"""What the installed command ``cellseg`` does; nothing here is imported before a missing library can be named."""
