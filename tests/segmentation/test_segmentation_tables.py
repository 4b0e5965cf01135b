"""Tables of several images as one."""

from cellseg.segmentation.tables import join_tables


def test_columns_that_only_some_images_have_come_behind(tmp_path):
    (tmp_path / "a.csv").write_text("image,area\na,1\n")
    (tmp_path / "b.csv").write_text('image,area,extent\nb,2,0.5\n"b,b",3,0.7\n')
    (tmp_path / "c.csv").write_text("image,area,track,extent\nc,4,1,0.9\n")
    join_tables(tmp_path / "all.csv", ("image", "area"), [tmp_path / f"{name}.csv" for name in "abc"])
    lines = (tmp_path / "all.csv").read_text().splitlines()
    assert lines == ["image,area,extent,track", "a,1,,", "b,2,0.5,", '"b,b",3,0.7,', "c,4,0.9,1"]
    join_tables(tmp_path / "none.csv", ("image", "area"), [])
    assert (tmp_path / "none.csv").read_text() == "image,area\n"
