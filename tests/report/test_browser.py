"""The report in a real headless Chromium: it draws, filters, fits, loads nothing, and runs nothing that a model wrote.

Needs Debian's chromium and chromium-driver and the package selenium; skipped, with the reason, where one is missing.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_run import HOSTILE, WORDS, make_run
from leadline.display.blocks import Finding, Table
from leadline.display.page import finding_page
from leadline.display.svg import Mark, Plot, Series
from leadline.report import build_report
from leadline.storage.run_directory import RunReader, RunWriter

pytestmark = pytest.mark.browser

WIDEST = "return Math.max(...[...document.querySelectorAll('.plot .main-svg')].map(svg => svg.clientWidth))"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("no Chromium here (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(service=webdriver.ChromeService(driver), options=options)
    yield chrome
    chrome.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_run(tmp_path_factory.mktemp("runs") / "demo", problems=40, sections=True)
    return build_report([root], root / "report.html")


@pytest.fixture
def page(chromium: Any, report: Path) -> Any:
    show(chromium, report)
    return chromium


def show(chromium: Any, report: Path, *, width: int = 1200, dark: bool = False) -> None:
    """Open the report in a window of this width; what an earlier page logged is forgotten."""
    chromium.get_log("browser")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    chromium.get(report.as_uri())


def run(chromium: Any, code: str) -> Any:
    return chromium.execute_script(code)


def cards(chromium: Any) -> list[dict[str, str]]:
    return run(
        chromium,
        """return [...document.querySelectorAll('#cards .card')].map(card => ({
            arm: card.querySelector('.arm').textContent, verdict: card.querySelector('.verdict').textContent,
            meta: card.querySelector('.meta').textContent, text: card.querySelector('pre').textContent}))""",
    )


def embedded(chromium: Any) -> dict[str, Any]:
    return json.loads(run(chromium, "return document.getElementById('completion-data').textContent"))


def found(chromium: Any) -> int:
    return int(re.search(r"of (\d+)\.", chromium.find_element("id", "status").text)[1])


def test_it_opens_without_a_word_in_the_console_and_loads_nothing(page: Any) -> None:
    assert page.get_log("browser") == []
    assert run(page, "return performance.getEntriesByType('resource').length") == 0
    assert run(page, "return window.pwned") is None


def test_every_visible_plot_is_drawn(page: Any) -> None:
    drawn = run(
        page,
        """return [...document.querySelectorAll('.plot')].map(plot => ({id: plot.id, folded: !!plot.closest('details'),
            marks: plot.querySelectorAll('.js-line, .point').length}))""",
    )
    visible = {plot["id"] for plot in drawn if not plot["folded"]}
    assert {
        "plot-accuracy",
        "plot-length",
        "plot-reward",
        "plot-live",
        "plot-tradeoff",
        "plot-weight",
    } <= visible
    assert {
        "plot-by-difficulty-share",
        "plot-by-difficulty-zero",
        "plot-solve-rates",
        "plot-probe-0-0",
    } <= visible
    assert [plot["id"] for plot in drawn if not plot["folded"] and plot["marks"] == 0] == []
    wait = pytest.importorskip("selenium.webdriver.support.wait")
    page.find_element("css selector", "#training details summary").click()
    count = "return document.querySelectorAll('#training details .plot .js-line').length"
    wait.WebDriverWait(page, 10).until(lambda chrome: run(chrome, count) > 10)


def test_curves_of_an_extra_section_are_named_and_ticked(page: Any) -> None:
    plot = "document.getElementById('plot-probe-0-0')"
    assert run(page, f"return [...{plot}.querySelectorAll('.legendtext')].map(text => text.textContent)") == [
        "base",
        "tuned",
    ]
    assert run(page, f"return [...{plot}.querySelectorAll('.xtick text')].map(text => text.textContent)") == [
        "1",
        "2",
        "4",
        "8",
        "16",
    ]


def test_a_chip_hides_its_arm_in_every_plot(page: Any) -> None:
    count = "return document.getElementById('plot-accuracy').data.length"
    before = run(page, count)
    chip = page.find_element("css selector", ".chip[data-name=lead]")
    chip.click()
    assert chip.get_attribute("aria-pressed") == "false"
    assert run(page, count) == before / 2
    names = run(
        page, "return document.getElementById('plot-by-difficulty-share').data.map(trace => trace.name)"
    )
    assert names == ["base", "sft", "grpo"]
    chip.click()
    assert run(page, count) == before


def test_an_arm_has_one_colour_in_all_plots_and_words(page: Any) -> None:
    colours = run(
        page,
        """const seen = new Set();
        for (const plot of document.querySelectorAll('.plot[data-drawn]')) for (const trace of plot.data)
            if ((trace.name || '').startsWith('lead')) seen.add((trace.line && trace.line.color) || trace.marker.color);
        return [...seen]""",
    )
    assert len(colours) == 1
    channels = tuple(int(colours[0][i : i + 2], 16) for i in (1, 3, 5))
    word = page.find_element("css selector", ".headline .arm").value_of_css_property("color")
    assert tuple(map(int, re.findall(r"\d+", word)[:3])) == channels


def test_a_click_filters_by_verdict(page: Any) -> None:
    rows = embedded(page)["rows"]
    assert found(page) == len(rows)
    for code, verdict in ((1, "wrong"), (0, "correct"), (2, "cut off")):
        page.find_element("css selector", f"#verdicts [data-verdict='{code}']").click()
        assert {card["verdict"] for card in cards(page)} == {verdict}
        assert found(page) == sum(row["c"] == code for row in rows) > 0
    page.find_element("css selector", "#verdicts [data-verdict='-1']").click()
    assert found(page) == len(rows)


def test_filters_by_arm_step_and_text_work_together(page: Any) -> None:
    rows = embedded(page)["rows"]
    page.find_element("css selector", "[name=arm] option[value=r0a3]").click()
    page.find_element("css selector", "[name=step] option[value=step-000040]").click()
    wanted = [row for row in rows if row["a"] == "r0a3" and row["s"] == "step-000040"]
    assert found(page) == len(wanted) > 0
    assert {card["arm"] for card in cards(page)} == {"lead"}
    assert all(card["meta"].startswith("step 40 ·") for card in cards(page))
    page.find_element("name", "text").send_keys("MISTAKE")
    assert all("mistake" in card["text"] for card in cards(page))
    page.find_element("name", "text").send_keys(" no such text")
    assert page.find_element("id", "status").text == "Nothing fits these filters."
    assert cards(page) == []


def test_more_and_one_problem_in_every_arm(page: Any) -> None:
    assert len(cards(page)) == 20
    page.find_element("id", "more").click()
    assert len(cards(page)) == 40
    page.find_element("css selector", ".card .link").click()
    problem = page.find_element("css selector", "#status bdi").text
    rows = [row for row in embedded(page)["rows"] if row["id"] == problem]
    assert found(page) == len(rows)
    assert len({card["arm"] for card in cards(page)}) > 1
    page.find_element("css selector", "#status .link").click()
    assert found(page) == len(embedded(page)["rows"])


def test_a_script_in_a_completion_is_text(page: Any) -> None:
    search = page.find_element("name", "text")
    for text in HOSTILE[:3]:
        search.clear()
        search.send_keys(
            "window.pwned = 1"
            if text is HOSTILE[0]
            else "onload=window"
            if text is HOSTILE[1]
            else "mixed scripts"
        )
        shown = {card["text"] for card in cards(page)}
        assert shown == {text.replace("\ud83d", "\ufffd")}
    assert (
        run(
            page,
            "return document.querySelectorAll('#cards script, #cards img, #cards svg, #sections b').length",
        )
        == 0
    )
    assert run(page, "return window.pwned") is None
    assert page.get_log("browser") == []


def test_reflecting_words_are_marked_by_behaviour(page: Any) -> None:
    marks = run(
        page,
        """return [...document.querySelectorAll('#cards mark')].map(mark =>
            [mark.textContent, mark.title, mark.className])""",
    )
    assert {title for _, title, _ in marks} == set(WORDS)
    for word, title, _ in marks:
        assert WORDS[title].fullmatch(word)
    assert len({(title, name) for _, title, name in marks}) == len(WORDS)
    page.find_element("name", "text").send_keys("very long one")
    assert "characters left out" in cards(page)[0]["text"]


def test_the_policy_stops_a_script_that_is_not_the_pages_own(
    chromium: Any, report: Path, tmp_path: Path
) -> None:
    """Should an escape ever be forgotten, the browser refuses what came in through the gap."""
    hole = tmp_path / "hole.html"
    hole.write_text(
        report.read_text("utf-8").replace(
            "<footer>", f"{HOSTILE[0].split('<!--')[0]}<footer onclick='window.pwned=4'>"
        ),
        "utf-8",
    )
    show(chromium, hole)
    chromium.find_element("css selector", "footer").click()
    assert run(chromium, "return window.pwned") is None
    assert "Content Security Policy" in json.dumps(chromium.get_log("browser"))
    assert run(chromium, "return document.querySelectorAll('.plot[data-drawn]').length") > 5


@pytest.mark.parametrize("width", [320, 390, 768, 1600])
def test_it_fits_every_width(chromium: Any, report: Path, width: int) -> None:
    show(chromium, report, width=width)
    assert run(chromium, "return document.documentElement.scrollWidth") <= width
    wide = run(
        chromium,
        """return [...document.querySelectorAll('main *')].filter(element =>
            !element.closest('.scroll, pre, .plot') && element.getBoundingClientRect().right > innerWidth + 1)
            .map(element => element.outerHTML.slice(0, 80))""",
    )
    assert wide == []
    assert chromium.get_log("browser") == []


def test_it_follows_the_colour_scheme(chromium: Any, report: Path) -> None:
    seen = []
    for dark in (False, True):
        show(chromium, report, dark=dark)
        paper = chromium.find_element("css selector", "html").value_of_css_property("background-color")
        line = run(chromium, "return document.getElementById('plot-weight').data[0].line.color")
        seen.append((sum(map(int, re.findall(r"\d+", paper)[:3])), line))
    assert seen[0][0] > 600 > 120 > seen[1][0]
    assert seen[0][1] != seen[1][1]


def test_printing_is_light_and_its_plots_fit_the_paper(chromium: Any, report: Path) -> None:
    show(chromium, report, dark=True)
    run(chromium, "dispatchEvent(new Event('beforeprint'))")
    assert (
        run(
            chromium,
            WIDEST,
        )
        <= 310
    )
    paper = chromium.find_element("css selector", "html").value_of_css_property("background-color")
    assert sum(map(int, re.findall(r"\d+", paper)[:3])) > 600
    run(chromium, "dispatchEvent(new Event('afterprint'))")
    assert run(chromium, "return document.querySelector('#plot-accuracy .main-svg').clientWidth") > 310


def test_several_runs_share_a_page(chromium: Any, tmp_path: Path) -> None:
    roots = [make_run(tmp_path / f"seed{seed}", problems=16, seed=seed, hostile=False) for seed in range(3)]
    show(chromium, build_report(roots, tmp_path / "r.html"))
    assert chromium.find_element("css selector", "h1").text == "3 runs"
    assert chromium.find_element("css selector", ".headline").text.startswith("Over 3 seeds: ")
    count = "return document.getElementById('plot-reward').data.length"
    assert run(chromium, count) == 6
    dashes = run(chromium, "return document.getElementById('plot-reward').data.map(trace => trace.line.dash)")
    assert len(set(dashes)) == 3
    chromium.find_element("css selector", ".chip[data-run='1']").click()
    assert run(chromium, count) == 4
    chromium.find_element("css selector", ".chip[data-name=grpo]").click()
    assert run(chromium, count) == 2
    assert chromium.get_log("browser") == []


def test_an_open_page_of_a_run_under_way_shows_the_steps_that_come(chromium: Any, tmp_path: Path) -> None:
    root = make_run(tmp_path / "live", problems=8)
    (root / "summary.json").unlink()  # a run under way has none
    page = build_report([root], tmp_path / "page.html", refresh=1)
    show(chromium, page)
    marker = f"has reached step {last_step(root)} of"
    assert marker in chromium.find_element("tag name", "body").text
    with RunWriter(root, resume=True) as writer:
        rows = [row for row in RunReader(root).metrics() if row["stage"] == "rl"]
        writer.metric({**rows[-1], "step": rows[-1]["step"] + 7})
    build_report([root], tmp_path / "page.html", refresh=1)
    wanted = f"has reached step {rows[-1]['step'] + 7} of"
    support = pytest.importorskip("selenium.webdriver.support.ui")
    body = lambda chrome: chrome.execute_script("return document.body ? document.body.innerText : ''")  # noqa: E731
    support.WebDriverWait(chromium, 60).until(lambda chrome: wanted in body(chrome))
    build_report([root], tmp_path / "page.html")  # the run is over: the page stays as it is
    support.WebDriverWait(chromium, 60).until(
        lambda chrome: (
            not chrome.execute_script("return document.querySelectorAll('meta[http-equiv=refresh]').length")
        )
    )


def last_step(root: Path) -> int:
    return int([row for row in RunReader(root).metrics() if row["stage"] == "rl"][-1]["step"])


def test_a_page_of_a_run_under_way_is_read_again_and_stays_where_it_was(
    chromium: Any, tmp_path: Path
) -> None:
    wait = pytest.importorskip("selenium.webdriver.support.wait")
    root = make_run(tmp_path / "live", problems=20)
    (root / "summary.json").unlink()
    page = build_report([root], tmp_path / "page.html", refresh=1)
    show(chromium, page)
    count = "return document.getElementById('plot-accuracy').data[0].x.length"
    before, high = run(chromium, count), run(chromium, "return document.body.scrollHeight")
    chromium.find_element("css selector", ".chip[data-name=lead]").click()
    chromium.find_element("css selector", "#settings summary").click()
    run(chromium, "window.older = true; scrollTo(0, 700)")
    with RunWriter(root, resume=True) as writer:
        for step in range(1000, 1003):
            for arm in ("grpo", "lead"):
                writer.metric({"arm": arm, "stage": "rl", "step": step, "pass@1": 0.5, "mean_tokens": 9.0})
    build_report([root], page, refresh=0)  # the last of it: nothing is read again after this
    wait.WebDriverWait(chromium, 60).until(
        lambda chrome: run(chrome, "return document.readyState === 'complete' && !window.older")
    )
    wait.WebDriverWait(chromium, 60).until(lambda chrome: run(chrome, count) == before + 3)
    assert run(chromium, "return [document.body.scrollHeight > 0, Math.round(scrollY)]") == [high > 0, 700]
    assert run(chromium, "return document.querySelector('#settings details').open") is True
    chip = chromium.find_element("css selector", ".chip[data-name=lead]")
    assert chip.get_attribute("aria-pressed") == "false"
    assert chromium.get_log("browser") == []


def test_a_finding_can_be_read_in_the_dark_and_on_a_phone(chromium: Any, tmp_path: Path) -> None:
    """The last colour of the palette was black on black; on a phone tables broke "useful" into "us", "ef", "ul"."""
    columns = ("band", "problems", "share", "solve rate", "live", "gain", "expected")
    rows = (("useful", "16", "80.0%", "4.4%", "35.8%", "5.6%", "hardly any"), ("a" * 300, *["1"] * 6))
    page = tmp_path / "finding.html"
    page.write_text(finding_page(Finding("Probe", "too_few", ("Told.",), (Table("Bands", columns, rows),))))
    show(chromium, page, width=375, dark=True)
    assert run(chromium, "return document.documentElement.scrollWidth <= window.innerWidth")
    lines = """return [...document.querySelectorAll('th, tbody tr:first-child td')].map(cell => {
        const range = document.createRange(); range.selectNodeContents(cell);
        return [cell.textContent, new Set([...range.getClientRects()].map(r => r.top)).size]})"""
    assert {text for text, count in run(chromium, lines) if count > len(text.split())} == set()
    assert (
        run(chromium, "document.querySelector('.wide').focus(); return document.activeElement.className")
        == "wide"
    )
    black = Plot("Law", "Q", "gain", [Series("tilt", [Mark(0, 0), Mark(1, 1)], 7, line=True)]).svg()
    run(chromium, f"document.body.insertAdjacentHTML('beforeend', {json.dumps(black)})")
    paint = "return getComputedStyle(document.querySelector('[stroke=\"#000000\"]')).stroke"
    assert run(chromium, paint) == "rgb(255, 255, 255)"
