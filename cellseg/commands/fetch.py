"""Fetch a public data set of annotated images, real55 or fields, and check every pixel.

    cellseg fetch real55

Both are parts of BBBC038v1 (the 2018 Data Science Bowl, CC0): real55 has 95 crops of 128x128 pixels, 55 of them for
training; fields has 372 whole fields. Wherever a verb takes --real FOLDER, it takes their names, too. If you have the
archive stage1_train.zip already, name it in the environment: BBBC038=path/to/stage1_train.zip
"""

from cellseg.data.names import PUBLIC


def add_arguments(parser):
    """Add the verb's options."""
    parser.add_argument("name", choices=PUBLIC, help="which data set")
    out = "folder for {train,test}/{images,masks,labels}; replaced as a whole (default: runs/public/NAME)"
    parser.add_argument("--out", help=out)


def run(arguments):
    """Fetch the data set, unless it is there already."""
    from cellseg.data.public import fetch
    from cellseg.progress import bar

    folder = fetch(arguments.name, arguments.out, progress=bar("images"))
    counts = (f"{sum(1 for _ in (folder / split / 'images').iterdir())} for {split}ing" for split in ("train", "test"))
    print(f"{folder}: {', '.join(counts)}; each pixel is as published")
