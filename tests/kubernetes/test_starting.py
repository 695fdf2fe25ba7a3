"""The real process whose templates are in ConfigMaps, at a start where they cannot be had."""

import asyncio
import os
import socket
import sys

import pytest

DEFINITION = "name: build\non: [{type: x}]\nspec_config_map_name: build.yaml\nspec_config_map_namespace: templates\n"


async def start(kubeconfig, folder):
    """Start the receiver, and answer its exit code and what it said."""
    (folder / "definitions").mkdir()
    (folder / "definitions/build.yaml").write_text(DEFINITION)
    environ = {
        "PATH": os.environ["PATH"],
        "KUBECONFIG": str(kubeconfig),
        "JOB_DEFINITIONS_CONFIG_PATH": str(folder / "definitions"),
        "PORT": "0",
    }
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "webhook", "serve"],
        env=environ,
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        _, said = await process.communicate()
    return process.returncode, said.decode()


def test_an_api_server_that_is_away_is_one_line(kubeconfig, tmp_path):
    """No traceback and no misuse: exit code 1, as another start may be luckier, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code, said = asyncio.run(start(kubeconfig(f"http://127.0.0.1:{port}"), tmp_path))
    assert code == 1, said
    (line,) = said.splitlines()
    assert line.startswith(
        "jobhook: definitions: get /api/v1/namespaces/templates/configmaps/build.yaml: no connection"
    )
    assert "; start again when the API server answers" in line


@pytest.mark.parametrize(("status", "remedy"), [(403, "grant `get` on the ConfigMap"), (503, "start again when")])
def test_a_refusal_is_one_line(scripted, kubeconfig, tmp_path, status, remedy):
    """A right that is missing is named, with what to grant."""

    async def answer(asked):
        await asked.reply(status, {"reason": "Forbidden", "message": 'cannot get resource "configmaps"'})

    async def run():
        async with scripted(answer) as server:
            return await start(kubeconfig(server.url), tmp_path)

    code, said = asyncio.run(run())
    assert code == 1, said
    (line,) = said.splitlines()
    assert line.startswith("jobhook: definitions: ")
    assert 'cannot get resource "configmaps"' in line
    assert remedy in line
