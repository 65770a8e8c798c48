"""Dagster's GraphQL, as its pages use it."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "profiles_sync"}
RUN = """query($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value } } } }"""
_LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_SCHEDULES = """query($repository: RepositorySelector!) { schedulesOrError(repositorySelector: $repository) {
  ... on Schedules { results { name cronSchedule scheduleState { id status } } } } }"""
_STOP = """mutation($id: String!) { stopRunningSchedule(id: $id) {
  __typename ... on ScheduleStateResult { scheduleState { status } } ... on PythonError { message } } }"""
_ASSETS = "{ assetNodes { assetKey { path } groupName } }"


class Pages:
    """A web server of Dagster."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.loads(response.read())["data"]

    def is_ready(self) -> bool:
        """Whether it answers, and knows the deployment."""
        try:
            return bool(self.asset_keys())
        except OSError:
            return False

    def schedules(self) -> list[dict[str, Any]]:
        """Each schedule: name, cron expression, state."""
        found: list[dict[str, Any]] = self(_SCHEDULES, repository=REPOSITORY)["schedulesOrError"]["results"]
        return found

    def stop_schedules(self) -> None:
        """Turn every schedule off, for a test that the full hour may pass in."""
        for each in self.schedules():
            stopped = self(_STOP, id=each["scheduleState"]["id"])["stopRunningSchedule"]
            assert stopped["scheduleState"]["status"] == "STOPPED", stopped

    def launch(self) -> str:
        """Launch a sync."""
        launched = self(_LAUNCH, params={"selector": {**REPOSITORY, "jobName": "sync"}, "mode": "default"})["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def sync(self) -> tuple[str, dict[str, Any]]:
        """Launch a sync and wait for its end."""
        run_id = self.launch()
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            run = self(RUN, id=run_id)["runOrError"]
            if run["status"] in ("SUCCESS", "FAILURE", "CANCELED"):
                return run_id, {"status": run["status"], **{tag["key"]: tag["value"] for tag in run["tags"]}}
            time.sleep(1)
        raise AssertionError("the run did not end")

    def asset_keys(self) -> set[str]:
        """Keys of the graph."""
        return {"/".join(node["assetKey"]["path"]) for node in self(_ASSETS)["assetNodes"]}
