"""The page over a folder of results in a browser: what is shown, what a click does, and that nothing is asked for."""

import shutil
from urllib.parse import unquote

import pytest
from support import run_verb

pytestmark = [pytest.mark.browser, pytest.mark.engine]


@pytest.fixture(scope="module")
def page_file(results, tmp_path_factory):
    """The page, with an image whose settings differ and one whose overlay cannot be shown."""
    out = shutil.copytree(results, tmp_path_factory.mktemp("browser") / "out")
    shutil.copytree(out / "good.png", out / "lost")
    (out / "lost/overlay.png").write_bytes(b"no picture")
    record = (out / "lost/image.json").read_text()
    (out / "lost/image.json").write_text(record.replace('"threshold": 0.5', '"threshold": 0.25'))
    with open(out / "summary.csv", "a") as stream:
        stream.write("lost,,,,,,,,,,,\n")
    assert run_verb("report", "out", cwd=out.parent).returncode == 0
    return out / "index.html"


@pytest.fixture
def opened(browser, page_file):
    """A function that opens the page and gives it, with its complaints and its requests."""
    pages = []

    def open_page(width=1280, **options):
        page = browser.new_page(viewport={"width": width, "height": 800}, **options)
        pages.append(page)
        page.set_default_timeout(120_000)
        complaints, requests = [], []
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(page_file.as_uri())
        return page, complaints, requests

    yield open_page
    for page in pages:
        page.close()


@pytest.mark.parametrize("width, scheme", [(360, "dark"), (1280, "light")])
def test_the_page_is_whole(opened, page_file, width, scheme):
    page, complaints, requests = opened(width, color_scheme=scheme)
    assert page.title() == "out: cells" and page.locator(".card").count() == 6
    page.eval_on_selector_all(".card img", "all => Promise.all(all.map(img => img.decode()))")
    pictures = page.eval_on_selector_all(".card img", "all => all.map(img => [img.alt, img.naturalWidth])")
    assert len(pictures) == 5 and all(alt and wide > 0 for alt, wide in pictures), pictures
    page.wait_for_selector("#charts rect.all", state="attached")
    links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
    assert len(links) >= 15
    for link in links:
        found = page.locator(link).count() if link.startswith("#") else (page_file.parent / unquote(link)).is_file()
        assert found, link
    assert complaints == []
    assert {url for url in requests if not url.startswith("data:")} == {page_file.as_uri()}
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    widest = page.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
    assert widest <= width
    outside = "e => !e.closest('.scroll, code, svg') && e.getBoundingClientRect().right > innerWidth"
    assert (
        page.eval_on_selector_all("body *", f"all => all.filter({outside}).map(e => e.outerHTML.slice(0, 200))") == []
    )


def test_a_click_opens_the_overlay_and_its_planes(opened):
    page, complaints, _ = opened()
    page.locator(".card", has_text="document.title").locator("a.open").click()
    loaded = "document.querySelector('#overlay').naturalWidth === 80 && !document.querySelector('#overlay').hidden"
    page.wait_for_function(loaded)
    assert "document.title=1" in page.locator("#view-name").inner_text() and page.title() == "out: cells"
    assert page.locator("#view-planes").is_hidden()
    page.locator("#actual").click()
    assert page.locator("#overlay").bounding_box()["width"] == 80
    page.locator("#close").click()
    page.locator("#rows a", has_text="stack.tif").click()
    page.wait_for_function(loaded)
    page.select_option("#plane", index=1)
    assert page.locator("#plane option").all_inner_texts() == ["Z 0: 3 cells", "Z 1: 3 cells"]
    page.wait_for_function("document.querySelector('#overlay').src.endsWith('stack.tif/overlay-1.png')")
    page.locator("#distribution").click()
    assert page.locator("#view").is_hidden() and page.locator("#charts rect.one").count() > 0
    assert complaints == []
    page.locator(".card", has_text="lost").locator("a.open").click()
    page.locator("#lost").wait_for(state="visible")
    page.locator("#next").click()
    page.wait_for_function("!document.querySelector('#overlay').hidden")
    page.keyboard.press("Escape")
    assert page.locator("#view").is_hidden()


def test_the_table_is_sorted_and_images_are_found(opened):
    page, complaints, _ = opened()
    column = page.locator("#rows tbody tr > :nth-child(3)")
    head = page.locator("#rows thead th").nth(2)
    for order in ("ascending", "descending"):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == order
        counts = [int(text) for text in column.all_inner_texts() if text != "\u2013"]
        assert counts == sorted(counts, reverse=order == "descending") and len(set(counts)) == 3
        assert column.last.inner_text() == "\u2013"
    page.fill("#find", "STACK")
    assert page.locator(".card:visible h3").all_inner_texts() == ["stack.tif"]
    assert page.locator("#rows tbody tr:visible").count() == 1 and page.locator("#look").is_hidden()
    page.fill("#find", "nothing of this")
    assert page.locator("#none").is_visible()
    page.fill("#find", "")
    assert page.locator(".card:visible").count() == 6 and complaints == []


def test_without_javascript_all_images_are_there(opened):
    page, _, _ = opened(java_script_enabled=False)
    assert page.locator("h2").first.inner_text() == "Need a look"
    assert page.locator(".card:visible").count() == 6 and page.locator("noscript").is_visible()
    assert page.locator("#find").is_hidden() and page.locator("#view").is_hidden()
