"""What a server's process loads: nothing that it does not use."""

import subprocess
import sys


def test_a_server_loads_neither_the_command_lines_libraries_nor_the_synchronous_client():
    """Typer, rich and requests stay out, and the official async client works all the same."""
    code = (
        "from webhook.cli import start_lean; start_lean()\n"
        "import webhook.main, webhook.clusters.kubernetes, sys\n"
        "from kubernetes.aio.client.configuration import Configuration\n"
        "from kubernetes.aio.config import load_kube_config\n"
        "Configuration()\n"
        "print([name for name in ('typer', 'rich', 'requests', 'oauthlib', 'kubernetes.client', 'cloudevents', 'cryptography') if sys.modules.get(name)])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
