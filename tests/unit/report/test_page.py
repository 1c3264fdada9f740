"""The page: everything in one file, nothing loaded, nothing foreign run."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest
from generated_trail import measured, trail

from ferryman.records.audit.record import CauseRecord, MigrationRecord
from ferryman.report.building import report_of
from ferryman.report.close_up import close_up
from ferryman.report.page.plotly_js import plotly_js
from ferryman.report.page.rendering import render
from ferryman.report.selecting import in_full

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Seen(HTMLParser):
    """A page's elements, as a browser takes them apart."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def data(self) -> dict[str, Any]:
        return json.loads(self.scripts[0])


def page_of(*records: MigrationRecord, damaged: int = 0) -> Seen:
    close_ups = [close_up(record, ()) for record in in_full(records[::-1])]
    return Seen(render(report_of(records, close_ups, made_at=NOON, damaged=damaged)))


@pytest.fixture(scope="module")
def usual() -> Seen:
    return page_of(*trail(40))


def test_nothing_is_loaded(usual: Seen) -> None:
    for _, attributes in usual.elements:
        assert not {"src", "srcset", "data", "action", "background"} & attributes.keys()
        assert (attributes.get("href") or "#").startswith("#")
    assert not re.search(r"url\(|@import", usual.text)


def test_the_policy_allows_its_own_scripts_and_no_others(usual: Seen) -> None:
    policy = next(meta["content"] or "" for meta in usual.all("meta") if "http-equiv" in meta)
    hashes = {f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}" for script in usual.scripts[1:]}
    assert policy.startswith("default-src 'none'; ")
    assert set(re.findall(r"'(sha256-[^']+)'", policy)) == hashes
    assert "script-src 'unsafe" not in policy


def test_hostile_names_are_only_text() -> None:
    one = replace(
        trail(1)[0],
        vm=HOSTILE,
        source=HOSTILE,
        why=HOSTILE,
        reason=HOSTILE,
        warnings=(HOSTILE,),
        cause=CauseRecord(kind=trail(1)[0].cause.kind, revision="3f2a", author=HOSTILE, subject=HOSTILE),
    )
    seen = page_of(one)
    assert len(seen.scripts) == 3
    assert seen.all("img") == []
    assert seen.data["moves"]["rows"][0][1] == HOSTILE
    labels = [text for figure in seen.data["figures"] for trace in figure["traces"] for text in trace.get("text", [])]
    assert not any("<img" in label or "<script" in label for label in labels)


def test_every_figure_has_its_place_a_name_and_a_caption(usual: Seen) -> None:
    places = {div["id"]: div for div in usual.all("div") if div.get("class") == "plot"}
    assert set(places) == {figure["id"] for figure in usual.data["figures"]}
    assert {"over-time", "by-method", "promises", "predictions"} < set(places)
    assert all(place["role"] == "img" and place["aria-label"] for place in places.values())


def test_the_page_says_its_language_and_title(usual: Seen) -> None:
    assert usual.all("html") == [{"lang": "en"}]
    assert "2026-11-23 12:00:00 UTC" in usual.text


def test_every_move_is_a_row_and_some_lead_to_a_close_look(usual: Seen) -> None:
    table = usual.data["moves"]
    assert len(table["rows"]) == 40
    linked = [link for link in table["links"] if link]
    assert linked == [details["id"] for details in usual.all("details") if details.get("class") == "close-up"]


def test_without_moves_the_page_says_so_and_is_small() -> None:
    seen = page_of()
    assert "No moves are recorded" in seen.text
    assert seen.data["figures"] == []
    assert sum(map(len, seen.scripts)) < 20_000


def test_one_move_is_enough(usual: Seen) -> None:
    seen = page_of(replace(trail(1)[0], measurement=measured(0.0)))
    assert [figure["id"] for figure in seen.data["figures"]][:2] == ["over-time", "by-method"]
    assert len(seen.data["figures"]) < len(usual.data["figures"])


def test_records_that_could_not_be_read_are_told() -> None:
    assert "3 records could not be read" in page_of(*trail(2), damaged=3).text


def test_without_the_library_it_is_said_which_is_missing() -> None:
    with pytest.raises(ModuleNotFoundError) as raised:
        plotly_js("no-such-package")
    assert raised.value.name == "no-such-package"
