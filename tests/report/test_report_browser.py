"""The page in a browser: everything is shown, nothing is asked for, nothing is wider than the screen."""

import pytest

from cellseg.network import Fcn, UNet
from cellseg.report.page import write_report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page_file(tmp_path_factory, writer):
    """A page with everything that it can have, from a tiny synthetic folder of runs."""
    runs = tmp_path_factory.mktemp("browser") / "runs"
    for seed in range(2):
        writer(runs / f"seed-{seed}", seed=seed, noise=seed / 10, stand_in=True)
    writer(runs / "best", recipe="best", network=UNet(features=4), stand_in=True)
    writer(runs / "ablation" / "poolings-2", network=Fcn(poolings=2, features=8), stand_in=True)
    return write_report(runs, runs.parent / "report")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
def test_the_page_is_whole(browser, page_file, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(page_file.as_uri())
    pictures = page.eval_on_selector_all("img", "all => all.map(img => [img.alt, img.complete, img.naturalWidth])")
    assert len(pictures) >= 10 and all(alt and complete and wide > 0 for alt, complete, wide in pictures), pictures
    shown = page.eval_on_selector_all("img", "all => all.map(img => img.currentSrc)")
    light = page.eval_on_selector_all("img", "all => all.map(img => img.src)")
    assert all((one != other) == (scheme == "dark") for one, other in zip(shown, light))
    links = page.eval_on_selector_all("a", "all => all.map(a => a.getAttribute('href'))")
    assert len(links) >= 30
    for link in links:
        found = page.locator(link).count() == 1 if link.startswith("#") else (page_file.parent / link).is_file()
        assert found, link
    assert complaints == []
    assert all(url.startswith(("file:", "data:")) for url in requests) and page_file.as_uri() in requests
    page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true })")
    widest = page.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
    assert widest <= width
    outside = "e => !e.closest('.scroll, code') && e.getBoundingClientRect().right > innerWidth"
    found = f"all => all.filter({outside}).map(e => e.outerHTML.slice(0, 200))"
    assert page.eval_on_selector_all("body *", found) == []
    page.close()


def test_figures_and_table_are_there_in_the_reports_order(browser, page_file):
    page = browser.new_page(java_script_enabled=False)
    page.goto(page_file.as_uri())
    titles = page.locator("figcaption b").all_inner_texts()
    own = [title for title in titles if not title.endswith("best.") and "honestly" not in title]
    wanted = ["Figure 6.", "Figure 7.", "Figure 8.", "Table 1.", "Figure 9.", "Figure 11.", "Figure 10a."]
    assert [title for title in own if title in wanted] == wanted
    assert page.locator(".banner").first.is_visible()
    page.close()
