"""Requests to a service that lets in who has a token."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient


class Asking:
    """Asks over `http` with `token`."""

    token: str
    http: TestClient

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def post(self, path: str, **body: Any) -> Any:
        """Send a request that must be accepted."""
        answer = self.http.post(path, json=body, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, **body: Any) -> tuple[int, str]:
        """Send a request that must be refused: HTTP's status and our code."""
        answer = self.http.post(path, json=body, headers=self.headers)
        assert answer.status_code >= 400, answer.text
        assert set(answer.json()) == {"code", "message", "remedy"}
        return answer.status_code, answer.json()["code"]

    def get(self, path: str, **query: str) -> Any:
        """Ask for something that is there."""
        answer = self.http.get(path, params=query, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()
