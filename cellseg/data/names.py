"""Names that options and records take, for modules that need no numerical library."""

#: Rules for the grey values; see `cellseg.data.normalisation`.
NORMALISATIONS = ("percentile", "root", "floor", "standard", "unchanged")

#: Over what one grey-value scale is measured; see `cellseg.segmentation.options`.
SCOPES = ("plane", "image", "folder")

#: What can be done with colour images; see `cellseg.data.folder.read_examples`.
RGB_RULES = ("refuse", "luminance")

#: Public data sets of real images; see `cellseg.data.public`.
PUBLIC = ("real55", "fields")
