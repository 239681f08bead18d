"""The page of the API and its files, as they are served."""

import re

from tests.web.service import Service


def test_the_page_and_its_files_are_served_to_all_and_run_nothing_else(service: Service) -> None:
    page = service.client.get("/api/docs")
    names = re.findall(r'(?:href|src)="(/api/docs/[^"]+)"', page.text)
    answers = [service.client.get(name) for name in names]

    assert [answer.content_type for answer in (page, *answers)] == [
        "text/html; charset=utf-8",
        "text/css; charset=utf-8",
        "text/javascript; charset=utf-8",
    ]
    for answer in (page, *answers):
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        assert "unsafe" not in policy
    assert not re.search(r"<script>|<style|\son\w+=|style=|https?://", page.text)


def test_files_are_kept_for_ever_and_the_page_is_asked_for_anew(service: Service) -> None:
    page = service.client.get("/api/docs")
    (script,) = re.findall(r'src="([^"]+)"', page.text)

    assert page.headers["Cache-Control"] == "public, no-cache"
    kept = service.client.get(script).headers["Cache-Control"]
    assert kept == "public, max-age=31536000, immutable"
    again = service.client.get("/api/docs", headers={"If-None-Match": page.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_no_other_file_is_served(service: Service) -> None:
    for name in ("page.js", "index.html", "..%2f..%2fdocs.py", "%2e%2e/docs.py"):
        answer = service.client.get(f"/api/docs/{name}")
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
